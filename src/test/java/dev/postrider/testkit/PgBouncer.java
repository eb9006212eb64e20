package dev.postrider.testkit;

import dev.postrider.database.DatabaseLocation;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.core.ConditionTimeoutException;

/**
 * A PgBouncer in transaction mode on 127.0.0.1 before a PostgreSQL, configured as docs/guides/pgbouncer.md says.
 *
 * <p>It ends with {@link #close()}, and also when this JVM is killed. Its userlist holds what it is given and nobody
 * else: by default the logins that pass a pooler, so a migration that tried to would fail.
 */
public final class PgBouncer implements AutoCloseable {

    /** The roles whose logins pass a pooler. */
    public static final List<String> LOGINS = List.of("tenant", "dispatcher", "operator", "analyst");

    private static final String GUIDE = "pgbouncer.md";
    private static final Pattern POSTGRESQL = Pattern.compile("//([^/:]+):(\\d+)/");

    private final Path folder;
    private final int port;
    private final MatchResult server;
    private Process shell;

    private PgBouncer(Path folder, int port, MatchResult server) {
        this.folder = folder;
        this.port = port;
        this.server = server;
    }

    /** The program, if this machine has it. */
    static Optional<Path> program() {
        return Stream.concat(Stream.of(System.getenv("PATH").split(File.pathSeparator)), Stream.of("/usr/sbin"))
                .map(directory -> Path.of(directory, "pgbouncer"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Starts one before the server of a location, for all databases of that server. */
    public static PgBouncer start(DatabaseLocation location) {
        return start(location, userlist(LOGINS));
    }

    /**
     * @param userlist the lines of PgBouncer's {@code auth_file}
     * @param changes lines that take the place of the guide's lines of the same name, such as
     *     {@code query_wait_timeout = 1}
     */
    public static PgBouncer start(DatabaseLocation location, String userlist, String... changes) {
        Matcher server = POSTGRESQL.matcher(location.directUrl());
        if (!server.find()) {
            throw new IllegalArgumentException("Not a server with a port: " + location.directUrl());
        }
        try {
            Path parent = Files.createDirectories(Path.of("target", "test-poolers"));
            PgBouncer pooler = new PgBouncer(
                    Files.createTempDirectory(parent, "pooler").toAbsolutePath(), freePort(), server.toMatchResult());
            // It gives up root's rights, and reads its files again without them.
            pooler.folder.toFile().setExecutable(true, false);
            pooler.folder.toFile().setReadable(true, false);
            Files.writeString(pooler.file("userlist.txt"), userlist);
            Files.writeString(pooler.file("pgbouncer.ini"), pooler.configuration(changes));
            pooler.start();
            return pooler;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Lines for logins of Postrider, with the passwords that it derives. */
    public static String userlist(List<String> roles) {
        return roles.stream()
                .map(role -> "\"postrider_%s_login\" \"%s\"\n".formatted(role, TestDatabase.rolePassword(role)))
                .collect(Collectors.joining());
    }

    /** The same database, its {@code url} through this pooler. */
    public DatabaseLocation before(DatabaseLocation location) {
        String url = POSTGRESQL.matcher(location.directUrl()).replaceFirst("//127.0.0.1:" + port + "/");
        return new DatabaseLocation(url, location.directUrl(), location.username(), location.password(), false);
    }

    /** Starts it, for the first time or after {@link #kill()}, on the same port; returns when it takes connections. */
    public void start() {
        List<String> command = new ArrayList<>();
        // The shell outlives a kill -9 of this JVM, which closes its input, and then ends the pooler.
        command.addAll(List.of("sh", "-c", "\"$@\" & read end; kill -KILL $!; wait", "sh"));
        command.add(program().orElseThrow().toString());
        if (System.getProperty("user.name").equals("root")) {
            command.addAll(List.of("-u", "nobody")); // it refuses to run as root
        }
        command.add(file("pgbouncer.ini").toString());
        long before = logged("process up");
        try {
            shell = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(file("log").toFile()))
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            await("is up", () -> logged("process up") > before);
        } catch (ConditionTimeoutException e) {
            close();
            throw e;
        }
    }

    /** Ends it as {@code kill -9} does. */
    public void kill() {
        process().destroyForcibly(); // the shell sees to the rest
        close();
    }

    /** Finishes running transactions, then lets clients wait until {@link #resume()}. */
    public void pause() {
        long before = logged("SIGUSR1");
        signal("USR1");
        await("is paused", () -> logged("SIGUSR1") > before);
    }

    public void resume() {
        signal("USR2");
    }

    /** Who has logged in through it so far, and how often. */
    public Map<String, Integer> logins() {
        Map<String, Integer> logins = new TreeMap<>();
        Matcher login = Pattern.compile("login attempt: db=\\S+ user=(\\S+)").matcher(log());
        while (login.find()) {
            logins.merge(login.group(1), 1, Integer::sum);
        }
        return logins;
    }

    @Override
    public void close() {
        try {
            shell.getOutputStream().close();
            shell.waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String configuration(String... changes) throws IOException {
        String configuration = Guide.block(GUIDE, "ini");
        List<String> all = new ArrayList<>(List.of(
                "postrider = host=%s port=%s".formatted(server.group(1), server.group(2)),
                "listen_addr = 127.0.0.1",
                "listen_port = " + port,
                "auth_file = " + file("userlist.txt")));
        all.addAll(List.of(changes));
        for (String change : all) {
            String name = change.substring(0, change.indexOf('='));
            String changed = configuration.replaceFirst(
                    "(?m)^" + Pattern.quote(name) + "=.*$", Matcher.quoteReplacement(change));
            if (changed.equals(configuration)) {
                throw new IllegalStateException("The configuration in %s has no line \"%s\"".formatted(GUIDE, name));
            }
            configuration = changed;
        }
        // Every test has a database of its own; and no socket file, whose path would be shared.
        return configuration.replaceFirst("(?m)^postrider =", "* =") + "unix_socket_dir =\n";
    }

    private ProcessHandle process() {
        return shell.toHandle().children().findFirst().orElseThrow();
    }

    private void signal(String name) {
        try {
            new ProcessBuilder(
                            "sh", "-c", "kill -%s %d".formatted(name, process().pid()))
                    .start()
                    .waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void await(String what, Callable<Boolean> condition) {
        RunningApplication.await()
                .alias("PgBouncer %s, see %s".formatted(what, file("log")))
                .until(condition);
    }

    private long logged(String text) {
        return log().lines().filter(line -> line.contains(text)).count();
    }

    private String log() {
        try {
            return Files.exists(file("log")) ? Files.readString(file("log")) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path file(String name) {
        return folder.resolve(name);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            return socket.getLocalPort();
        }
    }
}
