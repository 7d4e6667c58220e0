import java.nio.file.Path;
import org.neo4j.dbms.api.DatabaseManagementService;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.graphdb.GraphDatabaseService;
import org.neo4j.graphdb.event.TransactionData;
import org.neo4j.graphdb.event.TransactionEventListenerAdapter;

/**
 * One Neo4j in the folder of the first argument, by the settings in the file of the last. One file
 * before it holds the settings of a first start, that makes the databases.
 */
public class Node {
    public static void main(String[] args) throws InterruptedException {
        if (args.length > 2) {
            start(args[0], args[1]).shutdown();
        }
        DatabaseManagementService node = start(args[0], args[args.length - 1]);
        node.registerTransactionEventListener(
            "neo4j",
            new TransactionEventListenerAdapter<Object>() {
                @Override
                public void afterCommit(
                        TransactionData data, Object state, GraphDatabaseService database) {
                    System.out.println("Written.");
                }
            });
        System.out.println("Started.");
        Thread.currentThread().join();
    }

    private static DatabaseManagementService start(String folder, String settings) {
        return new DatabaseManagementServiceBuilder(Path.of(folder))
            .loadPropertiesFromFile(Path.of(settings))
            .build();
    }
}
