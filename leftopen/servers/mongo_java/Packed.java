import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.backend.AbstractCursor;
import de.bwaldvogel.mongo.backend.AbstractSynchronizedMongoCollection;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.Cursor;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.DocumentWithPosition;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.bson.BsonDecoder;
import de.bwaldvogel.mongo.wire.bson.BsonEncoder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Documents as BSON, one behind the other. Unlike the library's own collections it draws `$sample`
 * by position, counts ranges by an `Ordered` index, and reads no more of a find than was asked for,
 * as MongoDB does.
 */
final class Packed extends AbstractSynchronizedMongoCollection<Integer> {
    private static final int SLAB = 1 << 20;
    private static final long GONE = -1;

    private final Random random = new Random();
    private final ByteBuf scratch = Unpooled.buffer();
    private final List<byte[]> slabs = new ArrayList<>();
    private int used; // of the last slab
    private long[] places = new long[64]; // of each document: its slab, and where in it
    private int given;
    private int gone;
    private long size;

    Packed(MongoDatabase database, String name, CollectionOptions options, CursorRegistry cursors) {
        super(database, name, options, cursors);
    }

    /** So many documents, each at most once, from anywhere. */
    synchronized QueryResult drawn(int wanted, int batchSize) {
        List<Integer> found = new ArrayList<>();
        if (wanted * 20L < count()) {
            Set<Integer> drawn = new LinkedHashSet<>();
            while (drawn.size() < wanted) {
                int at = random.nextInt(given);
                if (places[at] != GONE) {
                    drawn.add(at);
                }
            }
            found.addAll(drawn);
        } else {
            positions(0).forEach(found::add);
            Collections.shuffle(found, random);
            found = found.subList(0, Math.min(wanted, found.size()));
        }
        return createQueryResult(found.stream().map(this::getDocument).toList(), batchSize);
    }

    @Override
    public synchronized int count(Document query, int skip, int limit) {
        if (query != null && skip <= 0 && limit <= 0) {
            for (Index<Integer> index : getIndexes()) {
                int counted = index instanceof Ordered ordered ? ordered.count(query) : -1;
                if (counted >= 0) {
                    return counted;
                }
            }
        }
        return super.count(query, skip, limit);
    }

    @Override
    public synchronized int count() {
        return given - gone;
    }

    @Override
    protected synchronized QueryResult matchDocuments(
            Document query, Document order, int skip, int limit, int batchSize, Document fields) {
        boolean all = query.isEmpty() && (order == null || order.isEmpty()) && skip <= 0;
        if (!all || limit > 0 || batchSize <= 0) {
            Stream<Document> documents = positions(0).mapToObj(this::getDocument);
            return matchDocumentsFromStream(
                documents, query, order, skip, limit, batchSize, fields);
        }
        Walk walk = new Walk(cursorRegistry.generateCursorId(), fields);
        List<Document> first = walk.takeDocuments(batchSize);
        if (walk.isEmpty()) {
            return new QueryResult(first);
        }
        cursorRegistry.add(walk);
        return new QueryResult(first, (Cursor) walk);
    }

    private IntStream positions(int from) {
        return IntStream.range(from, given).filter(at -> places[at] != GONE);
    }

    @Override
    protected Integer addDocumentInternal(Document document) {
        if (given == places.length) {
            places = Arrays.copyOf(places, given + given / 2);
        }
        places[given] = stored(document);
        return given++;
    }

    private long stored(Document document) {
        scratch.clear();
        BsonEncoder.encodeDocument(document, scratch);
        int length = scratch.readableBytes();
        if (slabs.isEmpty() || used + length > slabs.get(slabs.size() - 1).length) {
            slabs.add(new byte[Math.max(SLAB, length)]);
            used = 0;
        }
        scratch.readBytes(slabs.get(slabs.size() - 1), used, length);
        used += length;
        size += length;
        return ((long) slabs.size() - 1) << 32 | (used - length);
    }

    @Override
    protected Document getDocument(Integer at) {
        byte[] slab = slabs.get((int) (places[at] >>> 32));
        int from = (int) places[at];
        return BsonDecoder.decodeBson(Unpooled.wrappedBuffer(slab, from, slab.length - from));
    }

    @Override
    protected void handleUpdate(Integer at, Document before, Document after) {
        size -= length(at);
        places[at] = stored(after);
    }

    @Override
    protected void removeDocument(Integer at) {
        size -= length(at);
        places[at] = GONE;
        gone++;
    }

    private int length(int at) {
        byte[] slab = slabs.get((int) (places[at] >>> 32));
        return Unpooled.wrappedBuffer(slab).getIntLE((int) places[at]);
    }

    @Override
    protected Stream<DocumentWithPosition<Integer>> streamAllDocumentsWithPosition() {
        return positions(0).mapToObj(at -> new DocumentWithPosition<>(getDocument(at), at));
    }

    @Override
    public synchronized Document getStats() {
        Document told = super.getStats();
        told.put("size", size);
        told.put("avgObjSize", count() == 0 ? 0 : size / count());
        return told;
    }

    @Override
    protected boolean tracksDataSize() {
        return false; // in an int, which is too small
    }

    @Override
    protected void updateDataSize(int delta) {}

    @Override
    protected int getDataSize() {
        return 0;
    }

    /** A find of everything, as far as it has come. */
    private final class Walk extends AbstractCursor {
        private final Document fields;
        private int next;

        Walk(long id, Document fields) {
            super(id);
            this.fields = fields;
        }

        @Override
        public boolean isEmpty() {
            synchronized (Packed.this) {
                return positions(next).findFirst().isEmpty();
            }
        }

        @Override
        public List<Document> takeDocuments(int wanted) {
            synchronized (Packed.this) {
                int[] taken = positions(next).limit(wanted).toArray();
                next = taken.length == 0 ? given : taken[taken.length - 1] + 1;
                Stream<Document> documents = Arrays.stream(taken).mapToObj(Packed.this::getDocument);
                QueryResult found =
                    matchDocumentsFromStream(documents, new Document(), null, 0, 0, 0, fields);
                return found.collectDocuments();
            }
        }
    }
}
