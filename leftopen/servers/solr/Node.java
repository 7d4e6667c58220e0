import java.util.Properties;
import org.apache.solr.client.solrj.embedded.JettyConfig;
import org.apache.solr.client.solrj.embedded.JettySolrRunner;

/** A Solr node on 127.0.0.1: Node PORT SOLR_HOME. */
public final class Node {
  private Node() {}

  public static void main(String[] arguments) throws Exception {
    JettyConfig config =
        JettyConfig.builder()
            .setContext("/solr")
            .setPort(Integer.parseInt(arguments[0]))
            .stopAtShutdown(true)
            .build();
    new JettySolrRunner(arguments[1], new Properties(), config).start();
  }
}
