import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Fills the broker of the first argument: one tab-separated order a line of the standard input. */
public class Fill {
    public static void main(String[] args) throws Exception {
        Map<String, Object> where = Map.of("bootstrap.servers", args[0]);
        Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
        try (Admin admin = Admin.create(where)) {
            for (String line = orders.readLine(); line != null; line = orders.readLine()) {
                String[] order = line.split("\t", -1);
                if (order[0].equals("topic")) {
                    NewTopic topic = new NewTopic(order[1], Integer.parseInt(order[2]), (short) 1);
                    admin.createTopics(List.of(topic)).all().get();
                } else if (order[0].equals("acl")) {
                    producers.values().forEach(KafkaProducer::close);
                    producers.clear();
                    admin.createAcls(List.of(anonymous(order[1], order[2], order[3]))).all().get();
                } else {
                    byte[] key = order[3].isEmpty() ? null : Base64.getDecoder().decode(order[3]);
                    byte[] value = Base64.getDecoder().decode(order[4]);
                    producers.computeIfAbsent(order[2], kind -> producer(args[0], kind))
                        .send(new ProducerRecord<>(order[1], key, value)).get();
                }
            }
        }
        producers.values().forEach(KafkaProducer::close);
    }

    private static KafkaProducer<byte[], byte[]> producer(String where, String compression) {
        ByteArraySerializer as = new ByteArraySerializer();
        return new KafkaProducer<>(
            Map.of("bootstrap.servers", where, "compression.type", compression), as, as);
    }

    private static AclBinding anonymous(String kind, String name, String operation) {
        return new AclBinding(
            new ResourcePattern(ResourceType.fromString(kind), name, PatternType.LITERAL),
            new AccessControlEntry(
                "User:ANONYMOUS", "*", AclOperation.fromString(operation),
                AclPermissionType.ALLOW));
    }
}
