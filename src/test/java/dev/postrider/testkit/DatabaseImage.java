package dev.postrider.testkit;

import dev.postrider.database.DatabaseLocation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.springframework.core.NestedExceptionUtils;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.ContainerFetchException;
import org.testcontainers.containers.ContainerLaunchException;
import org.testcontainers.postgresql.PostgreSQLContainer;
import org.testcontainers.utility.DockerImageName;

/** A server in a container, of an image of PostgreSQL or of a relative of it; nothing is kept when it is closed. */
record DatabaseImage(String name, PostgreSQLContainer container) implements AutoCloseable {

    /** The system property that names an image; without it, or where it is empty, tests use the embedded server. */
    static final String SETTING = "postrider.test.postgres";

    private static final String USERNAME = "postgres";

    /**
     * Starts it and returns when it takes connections; the first time this also pulls the image.
     *
     * @param parameters server parameters that override the image's own
     * @throws IllegalStateException if that is not possible, with the reason
     */
    static DatabaseImage start(String name, String password, Map<String, String> parameters) {
        if (!DockerClientFactory.instance().isDockerAvailable()) {
            throw new IllegalStateException(
                    ("-D%s=%s asks for the tests on that image, and no Docker engine answers%s. Start one (\"docker info\""
                                    + " has to answer), or say with DOCKER_HOST where it is; or leave the setting out: then"
                                    + " the tests use a PostgreSQL that they bring, and need no Docker.")
                            .formatted(SETTING, name, engine()));
        }
        List<String> command = new ArrayList<>(List.of("postgres"));
        parameters.forEach((parameter, value) -> command.addAll(List.of("-c", parameter + "=" + value)));
        PostgreSQLContainer container = new PostgreSQLContainer(
                        DockerImageName.parse(name).asCompatibleSubstituteFor("postgres"))
                .withUsername(USERNAME) // a superuser
                .withPassword(password)
                .withDatabaseName("postgres")
                // The same order of texts as with the embedded server, on every version.
                .withEnv("POSTGRES_INITDB_ARGS", "--encoding=UTF8 --locale=C")
                .withCommand(command.toArray(String[]::new));
        Path log = log();
        try {
            container.withLogConsumer(line -> append(log, line.getUtf8String())).start();
        } catch (ContainerFetchException | ContainerLaunchException e) {
            throw new IllegalStateException(
                    "-D%s=%s asks for the tests on that image, and it cannot be pulled, or does not start as a PostgreSQL (%s); its log is %s."
                            .formatted(
                                    SETTING,
                                    name,
                                    NestedExceptionUtils.getMostSpecificCause(e).getMessage(),
                                    log),
                    e);
        }
        return new DatabaseImage(name, container);
    }

    /** The superuser's login. */
    DatabaseLocation location() {
        String url = "jdbc:postgresql://%s:%d/%s"
                .formatted(
                        container.getHost(),
                        container.getMappedPort(PostgreSQLContainer.POSTGRESQL_PORT),
                        container.getDatabaseName());
        return new DatabaseLocation(url, url, container.getUsername(), container.getPassword(), false);
    }

    @Override
    public void close() {
        container.stop();
    }

    private static String engine() {
        String host = System.getenv("DOCKER_HOST");
        return host == null ? "" : " at DOCKER_HOST=" + host;
    }

    private static Path log() {
        try {
            Path folder = Files.createDirectories(Path.of("target", "test-databases"));
            return Files.createTempFile(folder, "image", ".log");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void append(Path log, String line) {
        try {
            Files.writeString(log, line, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
