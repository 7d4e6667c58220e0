import java.util.Arrays;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node on the port of the first argument; the rest are the runner's own options. */
public class Node {
    public static void main(String[] args) throws InterruptedException {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.setMaxHttpPort(-1); // the runner would look for a free port between 9200 and 9299
        runner.onBuild((number, settings) -> settings.put("http.port", args[0]));
        runner.build(Arrays.copyOfRange(args, 1, args.length));
        Thread.currentThread().join();
    }
}
