import java.io.File;
import java.nio.file.Files;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;

/** An HDFS name node on loopback, without data nodes: it has names, and files without a byte. */
public final class Node {
    /** Arguments: address, port of WebHDFS, port for its own client, folder for its data, and a
     * file with a line for each thing to do: dir, file, mode or owner, and what, by tabs. */
    public static void main(String[] args) throws Exception {
        Configuration settings = new HdfsConfiguration();
        settings.set("fs.defaultFS", "hdfs://" + args[0] + ":" + args[2]);
        settings.set("dfs.namenode.rpc-bind-host", args[0]);
        settings.set("dfs.namenode.http-address", args[0] + ":" + args[1]);
        settings.set("dfs.namenode.name.dir", new File(args[3], "names").toURI().toString());
        settings.set("dfs.namenode.resource.du.reserved", "0");
        DefaultMetricsSystem.setMiniClusterMode(true); // to format and then to serve, in one process
        NameNode.format(settings);
        NameNode node = NameNode.createNameNode(new String[0], settings);
        try (FileSystem files = FileSystem.get(settings)) {
            for (String line : Files.readAllLines(new File(args[4]).toPath())) {
                String[] words = line.split("\t");
                Path path = new Path(words[1]);
                switch (words[0]) {
                    case "dir": files.mkdirs(path); break;
                    case "file": files.create(path).close(); break;
                    case "mode": files.setPermission(path, new FsPermission(words[2])); break;
                    case "owner": files.setOwner(path, words[2], words[3]); break;
                    default: throw new IllegalArgumentException(line);
                }
            }
        }
        System.out.println("FILLED");
        node.join();
    }
}
