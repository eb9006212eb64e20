package dev.postrider.testkit;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.database.EmbeddedServer;
import dev.postrider.database.LocalFolder;
import dev.postrider.secrets.Secrets;
import dev.postrider.secrets.SecretsConfiguration;
import dev.postrider.startup.StartupException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.util.FileSystemUtils;

/**
 * Gives every test a database of its own, on one real server per JVM: an embedded one, or that of a Docker image.
 *
 * <p>The server does not sync to disk: a test that kills servers starts an {@link EmbeddedServer} itself. Roles belong
 * to the server and so are shared by all tests; hence one {@link #ENCRYPTION_KEY} for all of them.
 */
public final class TestDatabase {

    /** The encryption key of all tests, 32 bytes in base64: role passwords derive from it. */
    public static final String ENCRYPTION_KEY = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=";

    private static final String PASSWORD = "test";
    private static final Map<String, String> PARAMETERS =
            Map.of("fsync", "off", "full_page_writes", "off", "max_connections", "400");

    private static final AtomicInteger COUNT = new AtomicInteger();

    /** Whether all applications under test are to reach their databases through a {@link PgBouncer}. */
    private static final boolean THROUGH_POOLER = Boolean.getBoolean("postrider.test.pooler");

    /** The image to run the databases on, instead of the embedded server. */
    private static final String IMAGE = System.getProperty(DatabaseImage.SETTING, "");

    /** The superuser's login to the server, once it runs. */
    private static DatabaseLocation server;

    private static PgBouncer pooler;

    private TestDatabase() {}

    /** A new, empty database, and the superuser's login to it. */
    public static DatabaseLocation newDatabase() {
        String name = "test_" + COUNT.incrementAndGet();
        DatabaseLocation location = server();
        try (Connection connection =
                        DriverManager.getConnection(location.directUrl(), location.username(), location.password());
                Statement statement = connection.createStatement()) {
            statement.execute("create database " + name);
        } catch (SQLException e) {
            throw new IllegalStateException("Cannot create the database " + name, e);
        }
        String url = location.directUrl().replaceFirst("[^/]*$", name);
        DatabaseLocation database = new DatabaseLocation(url, url, location.username(), location.password(), false);
        return THROUGH_POOLER ? pooler().before(database) : database;
    }

    /** The password of one of Postrider's logins, such as {@code tenant}, on every database of these tests. */
    static String rolePassword(String role) {
        StringBuilder password = new StringBuilder();
        new ApplicationContextRunner()
                .withUserConfiguration(SecretsConfiguration.class)
                .withPropertyValues("postrider.database.url=given", "postrider.encryption-key=" + ENCRYPTION_KEY)
                .run(context -> password.append(context.getBean(Secrets.class).rolePassword(role)));
        return password.toString();
    }

    /** The settings that make an application use this database, as {@code name=value}. */
    public static String[] settings(DatabaseLocation location) {
        return new String[] {
            "postrider.database.url=" + location.url(),
            "postrider.database.direct-url=" + location.directUrl(),
            "postrider.database.username=" + location.username(),
            "postrider.database.password=" + location.password(),
            "postrider.encryption-key=" + ENCRYPTION_KEY
        };
    }

    /** Starts the image that the tests are to run on, if one is named. */
    static void startImage() {
        if (!IMAGE.isBlank()) {
            server();
        }
    }

    private static synchronized DatabaseLocation server() {
        if (server == null) {
            if (IMAGE.isBlank()) {
                startEmbedded();
            } else {
                DatabaseImage image = DatabaseImage.start(IMAGE, PASSWORD, PARAMETERS);
                server = image.location();
                closeAtTheEnd(image::close);
            }
        }
        return server;
    }

    private static void startEmbedded() {
        try {
            Path parent = Files.createDirectories(Path.of("target", "test-databases"));
            removeLeftovers(parent);
            LocalFolder folder = LocalFolder.open(Files.createTempDirectory(parent, "server"));
            EmbeddedServer embedded = EmbeddedServer.start(folder, 0, PASSWORD, PARAMETERS);
            server = embedded.location();
            closeAtTheEnd(() -> {
                embedded.close();
                remove(folder);
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** After all application contexts of this JVM have closed. */
    private static void closeAtTheEnd(Runnable close) {
        SpringApplication.getShutdownHandlers().add(() -> {
            if (pooler != null) {
                pooler.close();
            }
            close.run();
        });
    }

    private static synchronized PgBouncer pooler() {
        if (pooler == null) {
            pooler = PgBouncer.start(server());
        }
        return pooler;
    }

    /** Earlier test runs that were killed leave a folder, and perhaps a server, that nobody holds. */
    private static void removeLeftovers(Path parent) throws IOException {
        List<Path> folders;
        try (var entries = Files.list(parent)) {
            folders = entries.filter(Files::isDirectory).toList();
        }
        for (Path leftover : folders) {
            try {
                LocalFolder folder = LocalFolder.open(leftover);
                EmbeddedServer.stopOrphan(leftover.resolve("data"));
                remove(folder);
            } catch (StartupException e) {
                continue; // in use by another test run
            }
        }
    }

    private static void remove(LocalFolder folder) {
        try (folder) {
            FileSystemUtils.deleteRecursively(folder.path());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
