package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.database.EmbeddedServer;
import dev.postrider.database.LocalFolder;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.util.FileSystemUtils;

/** A PostgreSQL that syncs to disk as in production, with one set of parameters for everyone who is measured on it. */
final class BenchmarkServer implements AutoCloseable {

    private static final Map<String, String> PARAMETERS = Map.of(
            "fsync", "on",
            "synchronous_commit", "on",
            "shared_buffers", "512MB",
            "max_wal_size", "4GB",
            "max_connections", "200",
            "shared_preload_libraries", "pg_stat_statements");

    private final EmbeddedServer server;
    private final Path folder;

    private BenchmarkServer(EmbeddedServer server, Path folder) {
        this.server = server;
        this.folder = folder;
    }

    static BenchmarkServer start(Map<String, String> furtherParameters) throws IOException {
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "bench");
        Map<String, String> parameters = new LinkedHashMap<>(PARAMETERS);
        parameters.putAll(furtherParameters);
        return new BenchmarkServer(EmbeddedServer.start(LocalFolder.open(folder), 0, "bench", parameters), folder);
    }

    static BenchmarkServer start() throws IOException {
        return start(Map.of());
    }

    /** A Postrider in this process, on the server's first database; server and data are gone when the process ends. */
    RunningApplication application() {
        return application(database(server.location().url()));
    }

    /** A Postrider in this process; server and data are gone when the process ends. */
    RunningApplication application(DatabaseLocation database) {
        RunningApplication application = RunningApplication.on(
                database, "logging.level.dev.postrider=warn", "logging.level.org.apache.camel=error");
        SpringApplication.getShutdownHandlers().add(this::close);
        return application;
    }

    /** A new, empty database. */
    DatabaseLocation newDatabase(String name) {
        sql(server.location()).execute("create database " + name);
        return database(server.urlOf(name));
    }

    private DatabaseLocation database(String url) {
        DatabaseLocation location = server.location();
        return new DatabaseLocation(url, url, location.username(), location.password(), false);
    }

    /** SQL as the superuser. */
    static JdbcTemplate sql(DatabaseLocation database) {
        return new JdbcTemplate(new DriverManagerDataSource(database.url(), database.username(), database.password()));
    }

    /** The processor time of the server with all its processes so far, in microseconds. */
    double cpu() throws IOException {
        String postmaster = Files.readAllLines(folder.resolve("data").resolve("postmaster.pid"))
                .get(0);
        return ProcessorTime.ofTree(Long.parseLong(postmaster.strip()));
    }

    /** What the server has written so far. */
    String log() throws IOException {
        return Files.readString(folder.resolve("postgres.log"));
    }

    /** What all who are measured on this server share, for people. */
    String describe() {
        return sql(server.location())
                .queryForObject("""
                select format('PostgreSQL %s with %s; %s processors',
                              current_setting('server_version'),
                              string_agg(format('%s=%s', name, current_setting(name)), ', ' order by name), ?::text)
                  from pg_settings
                 where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size')
                """, String.class, Runtime.getRuntime().availableProcessors());
    }

    /** Stops the server and removes its data; a second time it does nothing. */
    @Override
    public void close() {
        server.close();
        try {
            FileSystemUtils.deleteRecursively(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
