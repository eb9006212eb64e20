package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.postrider.startup.StartupException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedServerTest {

    private static final Duration PATIENCE = Duration.ofMinutes(1);

    @TempDir
    private Path directory;

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void endWhatRuns() throws Exception {
        for (Process process : processes) {
            process.destroyForcibly().waitFor();
        }
        EmbeddedServer.stopOrphan(directory.resolve("data"));
    }

    @Test
    void keepsItsDataAndItsPortBetweenStarts() throws Exception {
        try (LocalFolder folder = LocalFolder.open(directory)) {
            String url;
            try (EmbeddedServer server = start(folder)) {
                url = server.location().url();
                execute(server.location(), "create table kept as select 42 as answer");
            }
            try (EmbeddedServer server = start(folder)) {
                assertThat(query(server.location(), "select answer from kept")).containsExactly("42");
                assertThat(server.location().url()).isEqualTo(url);
            }
        }
    }

    @Test
    void losesNothingThatIsCommittedAndLetsNobodyElseIn() throws Exception {
        try (LocalFolder folder = LocalFolder.open(directory);
                EmbeddedServer server = start(folder)) {
            assertThat(query(
                            server.location(),
                            "select name || '=' || setting from pg_settings where name in"
                                    + " ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses')"
                                    + " order by name"))
                    .containsExactly(
                            "fsync=on", "full_page_writes=on", "listen_addresses=127.0.0.1", "synchronous_commit=on");
            String url = server.location().url();
            assertThatThrownBy(() -> DriverManager.getConnection(url, EmbeddedServer.USERNAME, "guessed"))
                    .hasMessageContaining("password authentication failed");
        }
    }

    @Test
    void namesTheSettingWhenTheWantedPortIsTaken() throws Exception {
        try (LocalFolder folder = LocalFolder.open(directory);
                ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            assertThatThrownBy(() -> EmbeddedServer.start(folder, taken.getLocalPort(), "secret", Map.of()))
                    .isInstanceOfSatisfying(StartupException.class, e -> {
                        assertThat(e).hasMessageContaining(Integer.toString(taken.getLocalPort()));
                        assertThat(e.action()).contains("postrider.database.embedded-port");
                    });
        }
    }

    @Test
    void saysWhenTheSecretsNoLongerFitTheData() throws Exception {
        try (LocalFolder folder = LocalFolder.open(directory)) {
            start(folder).close();
            assertThatThrownBy(() -> EmbeddedServer.start(folder, 0, "another", Map.of()))
                    .isInstanceOf(StartupException.class)
                    .hasMessageContaining("secrets.properties");
            assertThat(directory.resolve("data/postmaster.pid")).doesNotExist();
        }
    }

    @Test
    void startsAfreshWhenTheFirstStartWasInterrupted() throws Exception {
        Files.createDirectories(directory.resolve("data/base"));
        try (LocalFolder folder = LocalFolder.open(directory);
                EmbeddedServer server = start(folder)) {
            assertThat(query(server.location(), "select 1")).containsExactly("1");
        }
    }

    @Test
    void reportsDamagedDataWithTheServersOwnWords() throws Exception {
        try (LocalFolder folder = LocalFolder.open(directory)) {
            start(folder).close();
            Files.delete(directory.resolve("data/global/pg_control"));
            assertThatThrownBy(() -> start(folder))
                    .isInstanceOf(StartupException.class)
                    .hasMessageContaining("pg_control");
        }
    }

    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void leavesNoServerBehindAfterAKillAndLosesNothing() throws Exception {
        Process killed = startProcess();
        ProcessHandle orphan = server();
        killed.destroyForcibly().waitFor();
        assertThat(orphan.isAlive()).isTrue();

        Process next = startProcess();
        assertThat(orphan.isAlive()).isFalse();
        stop(next);

        assertThat(diary()).containsExactly("started", "started", "ended");
    }

    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void stopsAfterEverythingElseAndLeavesNoProcess() throws Exception {
        Process process = startProcess();
        ProcessHandle server = server();

        stop(process);

        assertThat(server.isAlive()).isFalse();
        assertThat(diary()).containsExactly("started", "ended");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void isNotReachedByASignalToTheWholeProcessGroup() throws Exception {
        Process process = startProcess("setsid");
        ProcessHandle server = server();

        new ProcessBuilder("kill", "-TERM", "--", "-" + process.pid()).start().waitFor();

        assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(server.isAlive()).isFalse();
        assertThat(diary()).containsExactly("started", "ended");
    }

    @Test
    void lastsAsLongAsItsOwnProcessWhenASecondOneIsRefused() throws Exception {
        startProcess();
        Process second = launch();
        assertThat(second.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(second.exitValue()).isNotZero();
        assertThat(output(second))
                .containsOnlyOnce("APPLICATION FAILED TO START")
                .contains("Another Postrider is running on the folder " + directory)
                .contains("postrider.directory")
                .doesNotContain("\tat ");
        assertThat(server().isAlive()).isTrue();
    }

    private EmbeddedServer start(LocalFolder folder) {
        return EmbeddedServer.start(folder, 0, "secret", Map.of());
    }

    private Process startProcess(String... prefix) throws IOException {
        Process process = launch(prefix);
        await().atMost(PATIENCE)
                .until(() -> !process.isAlive() || output(process).contains("READY"));
        assertThat(process.isAlive()).as(output(process)).isTrue();
        return process;
    }

    private Process launch(String... prefix) throws IOException {
        List<String> command = new ArrayList<>(List.of(prefix));
        command.addAll(List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "-cp",
                System.getProperty("java.class.path"),
                DatabaseApplication.class.getName(),
                "--postrider.directory=" + directory));
        Path output = Files.createTempFile(directory, "process", ".txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        processes.add(process);
        outputs.put(process, output);
        return process;
    }

    private final Map<Process, Path> outputs = new HashMap<>();

    private String output(Process process) throws IOException {
        return Files.readString(outputs.get(process));
    }

    private static void stop(Process process) throws InterruptedException {
        process.destroy();
        assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    }

    private ProcessHandle server() throws IOException {
        String pid =
                Files.readAllLines(directory.resolve("data/postmaster.pid")).get(0);
        return ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
    }

    private List<String> diary() throws Exception {
        String password = Files.readAllLines(directory.resolve("secrets.properties")).stream()
                .filter(line -> line.startsWith("postrider.database.password="))
                .map(line -> line.substring(line.indexOf('=') + 1))
                .findFirst()
                .orElseThrow();
        try (LocalFolder folder = LocalFolder.open(directory);
                EmbeddedServer server = EmbeddedServer.start(folder, 0, password, Map.of())) {
            return query(server.location(), "select entry from diary");
        }
    }

    private static void execute(DatabaseLocation location, String sql) throws SQLException {
        try (Connection connection = connect(location);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static List<String> query(DatabaseLocation location, String sql) throws SQLException {
        List<String> values = new ArrayList<>();
        try (Connection connection = connect(location);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                values.add(rows.getString(1));
            }
        }
        return values;
    }

    private static Connection connect(DatabaseLocation location) throws SQLException {
        return DriverManager.getConnection(location.url(), location.username(), location.password());
    }
}
