package dev.postrider.testkit;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.database.EmbeddedServer;
import dev.postrider.database.LocalFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A PostgreSQL whose clock the test sets: months pass in a moment, and time jumps back. It ends with this JVM. */
public final class ClockedServer implements AutoCloseable {

    private final Path folder;
    private final DatabaseLocation location;
    private final Process shell;

    private ClockedServer(Path folder, DatabaseLocation location, Process shell) {
        this.folder = folder;
        this.location = location;
        this.shell = shell;
    }

    /** The library that makes the clock, if this machine has it. */
    static Optional<Path> library() {
        try (Stream<Path> architectures = Files.list(Path.of("/usr/lib"))) {
            return architectures
                    .map(directory -> directory.resolve("faketime/libfaketime.so.1"))
                    .filter(Files::isReadable)
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Starts one with an empty database, at the true time. */
    public static ClockedServer start(Path directory) {
        Path folder = directory.toAbsolutePath();
        LocalFolder local = LocalFolder.open(folder);
        EmbeddedServer prepared = EmbeddedServer.start(local, 0, "test", Map.of("fsync", "off"));
        DatabaseLocation location = prepared.location();
        try {
            Path program =
                    Path.of(ProcessHandle.of(Long.parseLong(Files.readAllLines(folder.resolve("data/postmaster.pid"))
                                    .get(0)))
                            .flatMap(process -> process.info().command())
                            .orElseThrow());
            prepared.close();
            write(folder, Duration.ZERO);
            // The shell outlives a kill -9 of this JVM, which closes its input, and then ends the server.
            List<String> command = new ArrayList<>(List.of("sh", "-c", "\"$@\" & read end; kill -INT $!; wait", "sh"));
            if (System.getProperty("user.name").equals("root")) {
                command.addAll(List.of("unshare", "-U")); // it refuses to run as root
            }
            command.addAll(List.of("env", "LD_PRELOAD=" + library().orElseThrow()));
            command.addAll(
                    List.of(program.toString(), "-D", folder.resolve("data").toString()));
            command.addAll(List.of("-p", location.url().replaceAll(".*:(\\d+)/.*", "$1")));
            command.addAll(List.of("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="));
            command.addAll(List.of("-c", "fsync=off", "-c", "max_connections=100"));
            ProcessBuilder builder = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("clocked.log").toFile());
            builder.environment().put("FAKETIME_TIMESTAMP_FILE", clock(folder).toString());
            builder.environment().put("FAKETIME_NO_CACHE", "1");
            builder.environment().put("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            ClockedServer server = new ClockedServer(folder, location, builder.start());
            RunningApplication.await().until(server::answers);
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public DatabaseLocation location() {
        return location;
    }

    /** Sets its clock to so much after the true time, or before it. */
    public void shift(Duration offset) {
        try {
            write(folder, offset);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** In one piece: it is read at every look at the clock. */
    private static void write(Path folder, Duration offset) throws IOException {
        Path next = Files.writeString(folder.resolve("clock.next"), "%+d\n".formatted(offset.toSeconds()));
        Files.move(next, clock(folder), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static Path clock(Path folder) {
        return folder.resolve("clock");
    }

    private boolean answers() {
        try {
            DriverManager.getConnection(location.url(), location.username(), location.password())
                    .close();
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        shell.getOutputStream().close();
        shell.onExit().join();
    }
}
