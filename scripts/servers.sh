#!/bin/sh
# The programs for the tests that PyPI does not have: Debian's servers (its Redis and PostgreSQL have
# TLS, which the wheels lack), a JDK, Maven and Node.js for those that come from elsewhere, ip and
# scanners to compare with. As root on Debian or Ubuntu they are installed, and not started;
# elsewhere this says nothing: the end of the test run names each one that is missing and what is
# therefore not tested.
set -eu
PATH=$PATH:/usr/sbin:/sbin
# A program on the path, or a file by its pattern, and the package that has it.
wanted="
redis-server:redis-server
/usr/lib/postgresql/*/bin/postgres:postgresql
mariadbd:mariadb-server
clickhouse-server:clickhouse-server
memcached:memcached
etcd:etcd-server
/usr/share/java/zookeeper.jar:zookeeper
influxd:influxdb
prometheus:prometheus
/usr/lib/rabbitmq/bin/rabbitmq-server:rabbitmq-server
nats-server:nats-server
mosquitto:mosquitto
slapd:slapd
rsync:rsync
vsftpd:vsftpd
docker-registry:docker-registry
nginx:nginx-light
javac:default-jdk-headless
mvn:maven
node:nodejs
npm:npm
ip:iproute2
setpriv:util-linux
nmap:nmap
masscan:masscan
"
missing=""
for pair in $wanted; do
    case $pair in
    /*)
        # shellcheck disable=SC2086 # its pattern is to be widened
        ls ${pair%:*} >/dev/null 2>&1 || missing="$missing ${pair##*:}"
        ;;
    *)
        command -v "${pair%:*}" >/dev/null || missing="$missing ${pair##*:}"
        ;;
    esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
# Packages start their services when installed; the tests start their own on free ports instead.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
there="" absent=""
for package in $missing; do
    if apt-cache show "$package" >/dev/null 2>&1; then
        there="$there $package"
    else
        absent="$absent $package"
    fi
done
get() {
    apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
}
if [ -n "$there" ]; then
    echo "installing for the tests:$there"
    # shellcheck disable=SC2086
    if ! get $there; then # one that cannot be installed must not keep the others away
        for package in $there; do
            get "$package" || absent="$absent $package"
        done
    fi
fi
[ -z "$absent" ] || echo "not to be had here, so not tested:$absent"
