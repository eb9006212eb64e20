package dev.postrider.packaging;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.Guide;
import dev.postrider.testkit.MigratedDatabase;
import dev.postrider.testkit.TestDatabase;
import dev.postrider.testkit.TypedShell;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** What a reader of docs/guides/cluster.md types does what it says, as far as it wants no cluster. */
class ClusterGuideTest {

    private static final String GUIDE = "cluster.md";
    private static final String START = "java -jar target/postrider.jar &";

    @TempDir
    private Path folder;

    @Test
    void two_nodes_share_the_work_and_one_goes_on_without_the_other() throws Exception {
        DatabaseLocation database = TestDatabase.newDatabase();
        List<String> ports = freePorts(4);
        List<String> blocks = Guide.blocks(GUIDE, "sh");
        String settings = blocks.get(0)
                .replace("mvn -q package -DskipTests\n", "") // built this jar
                .replace("jdbc:postgresql://db.example.com/app", database.directUrl())
                .replace("=postrider_admin", "=" + database.username())
                .replace("PASSWORD=…", "PASSWORD=" + database.password())
                .replace(START, "SERVER_PORT=8080 MANAGEMENT_SERVER_PORT=8081 " + START);
        try (TypedShell shell = TypedShell.in(folder)) {
            shell.type(here(settings, ports));
            shell.awaitText("Postrider is ready…" + ports.get(0));
            shell.type(here(blocks.get(1), ports));
            shell.type(here(blocks.get(2), ports));
            shell.awaitText("Postrider is ready…" + ports.get(2));
            shell.type(here(blocks.get(3), ports));
            shell.type(here(blocks.get(4), ports));
            JdbcTemplate sql = new JdbcTemplate(
                    new DriverManagerDataSource(database.directUrl(), database.username(), database.password()));
            await().untilAsserted(() ->
                    assertThat(sql.queryForMap("""
                    select count(*) as tasks, count(distinct task_id) as ids, count(distinct worker_id) as nodes,
                           max(failure_count) as failures from postrider.task_history where task_status = 'completed'""")).hasToString("{tasks=1000, ids=1000, nodes=2, failures=0}"));
        }
    }

    @Test
    void the_autoscalers_login_may_count_and_nothing_else() {
        DatabaseLocation database = MigratedDatabase.create().location();
        SingleConnectionDataSource psql =
                new SingleConnectionDataSource(database.directUrl(), database.username(), database.password(), true);
        try {
            JdbcTemplate sql = new JdbcTemplate(psql);
            sql.execute("begin");
            sql.execute(Guide.blocks(GUIDE, "sql").get(1));
            sql.execute("set local role postrider_autoscaler");
            assertThat(Guide.answer(sql, "select postrider.tasks_due()")).isEqualTo("[0]");
            assertThat(Guide.answer(sql, "select from postrider.background_tasks"))
                    .contains("permission denied");
        } finally {
            psql.destroy();
        }
    }

    private static String here(String block, List<String> ports) throws IOException {
        return block.replace(
                        "java -jar target/postrider.jar",
                        String.join(
                                " ",
                                ImageFiles.withJava(List.of(
                                        "java",
                                        "-Xmx512m",
                                        "-jar",
                                        ImageFiles.jar().toAbsolutePath().toString()))))
                .replace("8080", ports.get(0))
                .replace("8081", ports.get(1))
                .replace("8090", ports.get(2))
                .replace("8091", ports.get(3));
    }

    private static List<String> freePorts(int count) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            sockets.add(new ServerSocket(0));
        }
        List<String> ports = new ArrayList<>();
        for (ServerSocket socket : sockets) {
            ports.add(String.valueOf(socket.getLocalPort()));
            socket.close();
        }
        return ports;
    }
}
