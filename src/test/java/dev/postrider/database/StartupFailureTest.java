package dev.postrider.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.DefaultResourceLoader;

/** A start that cannot succeed says what is wrong with what, and what to do, and shows no stack trace. */
@ExtendWith(OutputCaptureExtension.class)
class StartupFailureTest {

    @TempDir
    private Path directory;

    @Test
    void malformedUrl(CapturedOutput output) {
        failToStart("postrider.database.url=postgres://me:hush@db.example/app");
        assertExplained(
                output,
                "postrider.database.url, \"postgres://db.example/app\", is not a JDBC URL",
                "jdbc:postgresql://");
        assertThat(output).doesNotContain("hush");
    }

    @Test
    void unknownHost(CapturedOutput output) {
        failToStart("postrider.database.url=jdbc:postgresql://no-such-host.invalid/app");
        assertExplained(output, "no-such-host.invalid/app, is unknown", "Correct the host name");
    }

    @Test
    void databaseIsDown(CapturedOutput output) throws IOException {
        int free;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            free = socket.getLocalPort();
        }
        failToStart("postrider.database.url=jdbc:postgresql://127.0.0.1:%d/app".formatted(free));
        assertExplained(output, "No PostgreSQL answers at jdbc:postgresql://127.0.0.1:" + free, "Start the database");
    }

    @Test
    void unknownDatabase(CapturedOutput output) {
        DatabaseLocation location = TestDatabase.newDatabase();
        failToStart(
                "postrider.database.url=" + location.url() + "_not",
                "postrider.database.username=" + location.username(),
                "postrider.database.password=" + location.password());
        assertExplained(output, "has no such database", "createdb");
    }

    @Test
    void wrongPassword(CapturedOutput output) {
        DatabaseLocation location = TestDatabase.newDatabase();
        failToStart(
                "postrider.database.url=" + location.url(),
                "postrider.database.username=" + location.username(),
                "postrider.database.password=hush");
        assertExplained(output, "refuses the login as \"postgres\"", "POSTRIDER_DATABASE_PASSWORD");
        assertThat(output).doesNotContain("hush");
    }

    @Test
    void loginThatMayNotCreateRoles(CapturedOutput output) throws Exception {
        DatabaseLocation location = TestDatabase.newDatabase();
        try (Connection connection =
                        DriverManager.getConnection(location.url(), location.username(), location.password());
                Statement statement = connection.createStatement()) {
            statement.execute("create role modest login password 'modest'");
        }
        failToStart(
                "postrider.database.url=" + location.url(),
                "postrider.database.username=modest",
                "postrider.database.password=modest");
        assertExplained(output, "login \"modest\" may not create roles", "alter role \"modest\" createrole");
    }

    @Test
    void directUrlIsCheckedToo(CapturedOutput output) {
        DatabaseLocation location = TestDatabase.newDatabase();
        failToStart(
                "postrider.database.url=" + location.url(),
                "postrider.database.direct-url=jdbc:postgresql://no-such-host.invalid/app",
                "postrider.database.username=" + location.username(),
                "postrider.database.password=" + location.password());
        assertExplained(output, "postrider.database.direct-url", "Correct the host name");
    }

    @Test
    void missingEncryptionKey(CapturedOutput output) {
        failToStart("postrider.database.url=jdbc:postgresql://127.0.0.1/app", "postrider.encryption-key=");
        assertExplained(output, "postrider.encryption-key is missing", "openssl rand -base64 32");
    }

    @Test
    void encryptionKeyOfTheWrongLength(CapturedOutput output) {
        failToStart("postrider.database.url=jdbc:postgresql://127.0.0.1/app", "postrider.encryption-key=c2hvcnQ=");
        assertExplained(
                output, "postrider.encryption-key decodes to 5 bytes; it has to be 32", "openssl rand -base64 32");
    }

    @Test
    void encryptionKeyThatIsNotBase64(CapturedOutput output) {
        failToStart("postrider.database.url=jdbc:postgresql://127.0.0.1/app", "postrider.encryption-key=not base64!");
        assertExplained(output, "postrider.encryption-key is not base64", "openssl rand -base64 32");
    }

    @Test
    void fileInPlaceOfTheFolder(CapturedOutput output) throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        failToStart("postrider.directory=" + file);
        assertExplained(output, file + " should be a folder", "postrider.directory");
    }

    @Test
    void folderThatCannotBeCreated(CapturedOutput output) throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        failToStart("postrider.directory=" + file.resolve("below"));
        assertExplained(output, "cannot be used for Postrider's data", "postrider.directory");
    }

    @Test
    void dataOfAnotherVersion(CapturedOutput output) throws IOException {
        Files.createDirectory(directory.resolve("data"));
        Files.writeString(directory.resolve("data/PG_VERSION"), "15\n");
        failToStart("postrider.directory=" + directory);
        assertExplained(
                output,
                "was written by PostgreSQL 15; this Postrider carries PostgreSQL " + EmbeddedServer.VERSION,
                "pg_dump");
    }

    @Test
    void damagedData(CapturedOutput output) throws IOException {
        Files.createDirectory(directory.resolve("data"));
        Files.writeString(directory.resolve("data/PG_VERSION"), "\0\0\0");
        Files.writeString(directory.resolve("data/pg_hba.conf"), "# Written by Postrider: before it broke\n");
        failToStart("postrider.directory=" + directory);
        assertExplained(output, "is damaged", "Restore the folder");
    }

    @Test
    void neitherUrlNorServer(CapturedOutput output) {
        var withoutServer = new FilteredClassLoader(
                new ClassPathResource("io/zonky/test/db/postgres/embedded/EmbeddedPostgres.class"));
        var application = DatabaseApplication.application();
        application.setResourceLoader(new DefaultResourceLoader(withoutServer));
        Path unused = directory.resolve("unused");
        assertThat(catchThrowable(() -> application.run("--postrider.directory=" + unused)))
                .isNotNull();
        assertExplained(output, "postrider.database.url is missing", "POSTRIDER_DATABASE_URL");
        assertThat(unused).doesNotExist();
    }

    private static void failToStart(String... settings) {
        List<String> arguments = new ArrayList<>(
                Stream.of(settings).map(setting -> "--" + setting).toList());
        if (Stream.of(settings).noneMatch(setting -> setting.startsWith("postrider.encryption-key"))) {
            arguments.add("--postrider.encryption-key=" + TestDatabase.ENCRYPTION_KEY);
        }
        assertThat(catchThrowable(() -> DatabaseApplication.application().run(arguments.toArray(String[]::new))))
                .isNotNull();
    }

    private static void assertExplained(CapturedOutput output, String description, String action) {
        assertThat(output.toString())
                .containsOnlyOnce("APPLICATION FAILED TO START")
                .contains(description)
                .contains(action)
                .doesNotContain("\tat ");
    }
}
