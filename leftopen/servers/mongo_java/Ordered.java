import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.EmptyIndex;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.Utils;
import de.bwaldvogel.mongo.bson.Document;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * An index that counts ranges of its first field by two binary searches. It holds times and whole
 * numbers, eight bytes each; it counts nothing once it has met a fraction or an array.
 */
final class Ordered extends EmptyIndex<Integer> {
    private final String path;
    private final Keys times = new Keys();
    private final Keys numbers = new Keys();
    private boolean fit = true;

    Ordered(String name, List<IndexKey> keys) {
        super(name, keys);
        path = keys.get(0).getKey();
    }

    /** How many records the query matches, or -1 if it is no range that this index holds. */
    synchronized int count(Document query) {
        if (!fit || query.size() != 1 || !(query.get(path) instanceof Document range)) {
            return -1;
        }
        Object begin = range.get("$gte");
        Object end = range.get("$lt");
        Keys keys = keysOf(begin);
        if (range.size() != 2 || keys == null || keys != keysOf(end)) {
            return -1;
        }
        return Math.max(0, keys.before(value(end)) - keys.before(value(begin)));
    }

    @Override
    public synchronized void add(Document document, Integer at, MongoCollection<Integer> all) {
        Object key = Utils.getSubdocumentValueCollectionAware(document, path);
        Keys keys = keysOf(key);
        if (keys != null) {
            keys.add(value(key));
        } else if (key instanceof Number || key instanceof Collection) {
            fit = false;
        }
    }

    @Override
    public synchronized Integer remove(Document document) {
        Object key = Utils.getSubdocumentValueCollectionAware(document, path);
        Keys keys = keysOf(key);
        if (keys != null) {
            keys.remove(value(key));
        }
        return null;
    }

    @Override
    public void updateInPlace(
            Document before, Document after, Integer at, MongoCollection<Integer> all) {
        remove(before);
        add(after, at, all);
    }

    @Override
    public long getDataSize() {
        return 8L * (times.count + numbers.count);
    }

    private Keys keysOf(Object key) {
        boolean whole = key instanceof Integer || key instanceof Long;
        return key instanceof Instant ? times : whole ? numbers : null;
    }

    private static long value(Object key) {
        return key instanceof Instant time ? time.toEpochMilli() : ((Number) key).longValue();
    }

    /** Keys that mostly come in their order; where they do not they are sorted before a search. */
    private static final class Keys {
        private long[] held = new long[64];
        private int count;
        private boolean sorted = true;

        void add(long key) {
            if (count == held.length) {
                held = Arrays.copyOf(held, count + count / 2);
            }
            sorted = sorted && (count == 0 || held[count - 1] <= key);
            held[count++] = key;
        }

        void remove(long key) {
            int at = before(key);
            if (at < count && held[at] == key) {
                System.arraycopy(held, at + 1, held, at, --count - at);
            }
        }

        /** How many keys are smaller. */
        int before(long key) {
            if (!sorted) {
                Arrays.sort(held, 0, count);
                sorted = true;
            }
            int low = 0;
            int high = count;
            while (low < high) {
                int middle = (low + high) >>> 1;
                if (held[middle] < key) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            return low;
        }
    }
}
