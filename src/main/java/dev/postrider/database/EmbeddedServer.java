package dev.postrider.database;

import dev.postrider.startup.StartupException;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a PostgreSQL of Postrider's own, whose data outlives the process.
 *
 * <p>It listens on 127.0.0.1 only and asks for a password. The server is a process apart: it survives a
 * {@code kill -9} of this one, and the next start on the same folder stops it first. Ctrl-C does not reach it, since
 * {@code pg_ctl} gives it a session of its own; whoever starts this closes it.
 *
 * <p>The binaries come with a library made for tests, whose defaults lose data on a crash ({@code fsync} and
 * {@code synchronous_commit} off); both are put back here.
 */
public final class EmbeddedServer implements AutoCloseable {

    /** The major version of the bundled binaries; data of another one is not readable. */
    static final String VERSION = Build.POSTGRES.replaceFirst("\\..*", "");

    static final String USERNAME = "postgres";
    private static final String DATABASE = "postrider";

    /** Long enough to recover from a crash; a server that gives up is noticed at once. */
    private static final Duration START = Duration.ofMinutes(2);

    /** Long enough for the checkpoint at the end. */
    private static final Duration STOP = Duration.ofMinutes(1);

    private static final String WRITTEN_BY_US = "# Written by Postrider: ";

    private static final String ACCESS = WRITTEN_BY_US + """
            passwords only, and only from this machine.
            host all all 127.0.0.1/32 scram-sha-256
            """;

    private static final String WRONG_PASSWORD = "password authentication failed";

    private static final Logger log = LoggerFactory.getLogger(EmbeddedServer.class);

    private final EmbeddedPostgres server;
    private final Optional<ProcessHandle> process;
    private final DatabaseLocation location;

    private EmbeddedServer(EmbeddedPostgres server, Optional<ProcessHandle> process, DatabaseLocation location) {
        this.server = server;
        this.process = process;
        this.location = location;
    }

    /** Whether this build carries a server; the production jar does not. */
    static boolean isBundled(ClassLoader loader) {
        return loader.getResource("io/zonky/test/db/postgres/embedded/EmbeddedPostgres.class") != null;
    }

    /**
     * Starts the server on the folder's data, which is created if need be, and returns when it takes connections.
     *
     * @param port 0: the same as last time if it is free, else any free one
     * @param password of the superuser {@code postgres}; must stay the same for the same data
     * @param parameters server parameters that override the defaults
     * @throws StartupException if the data cannot be used, with the reason
     */
    public static EmbeddedServer start(LocalFolder folder, int port, String password, Map<String, String> parameters) {
        Path data = folder.path().resolve("data");
        Path serverLog = folder.path().resolve("postgres.log");
        try {
            stopOrphan(data);
            verifyReadable(data);
            Files.deleteIfExists(serverLog);
            int chosenPort = choosePort(folder.path().resolve("port"), port);
            EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                    .setDataDirectory(data)
                    .setCleanDataDirectory(false)
                    // The context closes this after everything that uses it; a hook of its own would be too early.
                    .setRegisterShutdownHook(false)
                    .setPGStartupWait(START)
                    .setPort(chosenPort)
                    .setConnectConfig("password", password)
                    .setErrorRedirector(ProcessBuilder.Redirect.appendTo(serverLog.toFile()))
                    .setOutputRedirector(ProcessBuilder.Redirect.appendTo(serverLog.toFile()))
                    // The same order of texts on every machine.
                    .setLocaleConfig("locale", "C")
                    .setServerConfig("listen_addresses", "127.0.0.1")
                    .setServerConfig("unix_socket_directories", "")
                    .setServerConfig("fsync", "on")
                    .setServerConfig("synchronous_commit", "on")
                    .setServerConfig("max_connections", "200");
            if (Integer.parseInt(VERSION) >= 17) { // 16 has no such provider; its "C" orders texts alike
                builder.setLocaleConfig("locale-provider", "builtin").setLocaleConfig("builtin-locale", "C.UTF-8");
            }
            parameters.forEach(builder::setServerConfig);
            EmbeddedPostgres server = run(builder, serverLog);
            DatabaseLocation location = new DatabaseLocation(
                    urlOf(server.getPort(), DATABASE), urlOf(server.getPort(), DATABASE), USERNAME, password, true);
            EmbeddedServer embedded = new EmbeddedServer(server, postmaster(data), location);
            embedded.prepare(data, password);
            Files.writeString(folder.path().resolve("port"), Integer.toString(server.getPort()));
            return embedded;
        } catch (IOException e) {
            throw LocalFolder.unusable(folder.path(), e);
        }
    }

    /**
     * Stops a server that was left behind on this data by a process that was killed.
     *
     * <p>Call it only while holding the {@link LocalFolder}: then nobody else can be using the server rightfully.
     */
    public static void stopOrphan(Path data) {
        postmaster(data).ifPresent(orphan -> {
            log.info("Stopping the PostgreSQL (process {}) that a killed Postrider left behind", orphan.pid());
            try {
                // SIGINT is PostgreSQL's fast shutdown, which does not wait for clients; Java can only send SIGTERM.
                new ProcessBuilder("kill", "-INT", Long.toString(orphan.pid()))
                        .start()
                        .waitFor();
            } catch (IOException e) {
                orphan.destroy();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (!exits(orphan)) {
                throw new StartupException(
                        "An earlier PostgreSQL (process %d) still runs on %s and does not stop."
                                .formatted(orphan.pid(), data),
                        "Stop it by hand (kill -INT %d) and start again.".formatted(orphan.pid()));
            }
        });
    }

    public DatabaseLocation location() {
        return location;
    }

    /** The server's process, or empty if it has ended. */
    Optional<ProcessHandle> process() {
        return process.filter(ProcessHandle::isAlive);
    }

    /** Stops the server: open connections are cut, everything committed is kept. Returns when its process has ended. */
    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        process().filter(running -> !exits(running)).ifPresent(running -> {
            log.warn("PostgreSQL (process {}) did not stop within {}: killing it", running.pid(), STOP);
            running.destroyForcibly();
        });
    }

    /** The JDBC URL of another database of this server. */
    public String urlOf(String database) {
        return urlOf(server.getPort(), database);
    }

    private static String urlOf(int port, String database) {
        return "jdbc:postgresql://127.0.0.1:%d/%s".formatted(port, database);
    }

    /** Creates Postrider's database, and asks for passwords from now on. Harmless if that was done before. */
    private void prepare(Path data, String password) throws IOException {
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            boolean first = !isPrepared(data);
            if (first) {
                statement.execute("alter role %s password '%s'".formatted(USERNAME, password.replace("'", "''")));
            }
            try (ResultSet row =
                    statement.executeQuery("select from pg_database where datname = '%s'".formatted(DATABASE))) {
                if (!row.next()) {
                    statement.execute("create database " + DATABASE);
                }
            }
            if (first) {
                Files.writeString(data.resolve("pg_hba.conf"), ACCESS);
                statement.execute("select pg_reload_conf()");
            }
        } catch (SQLException e) {
            close();
            throw new StartupException(
                    "The embedded PostgreSQL runs but could not be prepared (%s).".formatted(e.getMessage()),
                    "See postgres.log beside %s.".formatted(data),
                    e);
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    private static boolean isPrepared(Path data) throws IOException {
        Path access = data.resolve("pg_hba.conf");
        return Files.exists(access) && Files.readString(access).contains(WRITTEN_BY_US);
    }

    private static void verifyReadable(Path data) throws IOException {
        if (Files.exists(data) && !Files.isDirectory(data)) {
            throw new StartupException(
                    "%s should be the embedded PostgreSQL's data folder, but is a file.".formatted(data),
                    "Remove or rename the file, or choose another folder with the setting postrider.directory.");
        }
        if (!Files.exists(data) || isEmpty(data)) {
            return;
        }
        Path file = data.resolve("PG_VERSION");
        String version = Files.exists(file) ? Files.readString(file).strip() : "";
        if (version.equals(VERSION) && isPrepared(data)) {
            return;
        }
        if (!version.equals(VERSION) && version.matches("\\d{1,2}(\\.\\d)?")) {
            throw new StartupException(
                    "%s was written by PostgreSQL %s; this Postrider carries PostgreSQL %s."
                            .formatted(data, version, VERSION),
                    "Move the data with pg_dump and an own PostgreSQL (postrider.database.url), or choose a new folder"
                            + " with the setting postrider.directory.");
        }
        if (isPrepared(data)) {
            throw new StartupException(
                    "%s is damaged: PG_VERSION does not hold a version.".formatted(data),
                    "Restore the folder from a backup, or move it away to start with an empty database, or choose"
                            + " another folder with the setting postrider.directory.");
        }
        // A first start that was interrupted leaves half a cluster, in which nothing can have been stored yet.
        Path aside = data.resolveSibling("data.incomplete-" + System.currentTimeMillis());
        log.warn("{} was never prepared completely: moved to {}, starting afresh", data, aside);
        Files.move(data, aside);
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (var entries = Files.list(folder)) {
            return entries.findAny().isEmpty();
        }
    }

    /** Starts the server, and notices at once when it gives up instead of waiting until the time is over. */
    private static EmbeddedPostgres run(EmbeddedPostgres.Builder builder, Path serverLog) throws IOException {
        CompletableFuture<EmbeddedPostgres> started = new CompletableFuture<>();
        Thread starter = new Thread(
                () -> {
                    try {
                        started.complete(builder.start());
                    } catch (Throwable e) {
                        started.completeExceptionally(e);
                    }
                },
                "embedded-postgres-start");
        starter.start();
        try {
            while (true) {
                try {
                    return started.get(100, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    if (isHopeless(tail(serverLog))) {
                        abandon(starter, started);
                        throw failed(serverLog, e);
                    }
                }
            }
        } catch (ExecutionException e) {
            throw failed(serverLog, e.getCause());
        } catch (InterruptedException e) {
            abandon(starter, started);
            Thread.currentThread().interrupt();
            throw failed(serverLog, e);
        }
    }

    private static boolean isHopeless(String log) {
        return log.contains("could not start server") || log.contains("pg_ctl: error") || log.contains(WRONG_PASSWORD);
    }

    /**
     * Interrupted, the library stops waiting and hands out a server that may or may not be there: stop it, from here,
     * because the interrupted thread could not wait for that either.
     */
    private static void abandon(Thread starter, CompletableFuture<EmbeddedPostgres> started) throws IOException {
        starter.interrupt();
        EmbeddedPostgres server = started.exceptionally(failure -> null).join();
        if (server != null) {
            server.close();
        }
    }

    private static StartupException failed(Path serverLog, Throwable cause) throws IOException {
        String tail = tail(serverLog);
        if (tail.contains(WRONG_PASSWORD)) {
            return new StartupException(
                    "The embedded PostgreSQL does not take the password in secrets.properties: that file was changed"
                            + " or removed, and the data in %s belongs to the old one."
                                    .formatted(serverLog.getParent()),
                    "Put the old secrets.properties back, or move the whole folder away to start afresh.",
                    cause);
        }
        return new StartupException(
                "The embedded PostgreSQL did not start. The end of %s says:%n%s".formatted(serverLog, tail.indent(4)),
                "Correct what it names, or choose another folder with the setting postrider.directory, or use your own"
                        + " server with postrider.database.url.",
                cause);
    }

    private static String tail(Path file) throws IOException {
        if (!Files.exists(file)) {
            return "";
        }
        List<String> lines = Files.readAllLines(file);
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
    }

    private static boolean exits(ProcessHandle process) {
        try {
            process.onExit().get(STOP.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (ExecutionException | TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** The running server that this data names as its own; a number that now belongs to another program is ignored. */
    private static Optional<ProcessHandle> postmaster(Path data) {
        Path file = data.resolve("postmaster.pid");
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            long pid = Long.parseLong(Files.readAllLines(file).get(0).strip());
            return ProcessHandle.of(pid)
                    .filter(ProcessHandle::isAlive)
                    .filter(process -> process.info()
                            .command()
                            .map(Path::of)
                            .map(command -> command.getFileName().toString().startsWith("postgres"))
                            .orElse(false));
        } catch (IOException | NumberFormatException | IndexOutOfBoundsException e) {
            return Optional.empty();
        }
    }

    private static int choosePort(Path file, int wanted) throws IOException {
        if (wanted != 0) {
            if (!isFree(wanted)) {
                throw new StartupException(
                        "Port %d, wanted for the embedded PostgreSQL, is taken by another process.".formatted(wanted),
                        "Stop that process, or choose another port with the setting postrider.database.embedded-port"
                                + " (0: any free one).");
            }
            return wanted;
        }
        if (Files.exists(file)) {
            String last = Files.readString(file).strip();
            if (last.matches("\\d{4,5}") && isFree(Integer.parseInt(last))) {
                return Integer.parseInt(last);
            }
        }
        return 0;
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getByName("127.0.0.1"))) {
            return socket.isBound();
        } catch (IOException | IllegalArgumentException e) {
            return false;
        }
    }
}
