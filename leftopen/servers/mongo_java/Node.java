import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.AbstractMongoBackend;
import de.bwaldvogel.mongo.backend.AbstractSynchronizedMongoDatabase;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.DatabaseResolver;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.memory.index.MemoryUniqueIndex;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.oplog.Oplog;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.List;

/** A server of MongoDB's protocol whose collections are `Packed`: Node ADDRESS PORT. */
public final class Node extends AbstractMongoBackend {
    public static void main(String[] arguments) {
        MongoBackend backend = new Node();
        int port = Integer.parseInt(arguments[1]);
        new MongoServer(backend).bind(new InetSocketAddress(arguments[0], port));
    }

    @Override
    protected Packs openOrCreateDatabase(String name) {
        return new Packs(name, getCursorRegistry());
    }

    @Override
    public Document handleCommand(Channel client, String database, String command, Document query) {
        String known = command.equals("hello") ? "isMaster" : command; // its name before 5.0
        return super.handleCommand(client, database, known, query);
    }

    private static final class Packs extends AbstractSynchronizedMongoDatabase<Integer> {
        Packs(String name, CursorRegistry cursors) {
            super(name, cursors);
            initializeNamespacesAndIndexes();
        }

        @Override
        protected Packed openOrCreateCollection(String name, CollectionOptions options) {
            return new Packed(this, name, options, cursorRegistry);
        }

        @Override
        protected Index<Integer> openOrCreateUniqueIndex(
                String collection, String name, List<IndexKey> keys, boolean sparse) {
            return new MemoryUniqueIndex(name, keys, sparse);
        }

        @Override
        protected Index<Integer> openOrCreateSecondaryIndex(
                String collection, String name, List<IndexKey> keys, boolean sparse) {
            return new Ordered(name, keys);
        }

        @Override
        public Document handleCommand(
                Channel client, String command, Document query, DatabaseResolver all, Oplog log) {
            if (command.equals("aggregate")
                    && query.get("pipeline") instanceof List<?> stages
                    && stages.size() == 1
                    && stages.get(0) instanceof Document stage
                    && stage.get("$sample") instanceof Document sample
                    && sample.get("size") instanceof Number size) {
                return drawn((String) query.get(command), size.intValue(), query);
            }
            return super.handleCommand(client, command, query, all, log);
        }

        private Document drawn(String name, int size, Document query) {
            Document cursor = new Document("id", 0L).append("ns", getDatabaseName() + "." + name);
            MongoCollection<Integer> collection = resolveCollection(name, false);
            cursor.append("firstBatch", List.of());
            if (collection instanceof Packed packed) {
                int batch = query.get("cursor") instanceof Document told
                        && told.get("batchSize") instanceof Number number ? number.intValue() : 0;
                QueryResult found = packed.drawn(size, batch);
                cursor.append("id", found.getCursorId());
                cursor.append("firstBatch", found.collectDocuments());
            }
            return new Document("cursor", cursor).append("ok", 1.0);
        }

        @Override
        protected long getStorageSize() {
            return 0;
        }

        @Override
        protected long getFileSize() {
            return 0;
        }
    }
}
