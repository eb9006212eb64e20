package dev.postrider.testkit;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.database.EmbeddedServer;
import dev.postrider.database.LocalFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.Set;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/**
 * A streaming replica of an {@link EmbeddedServer}, made as {@code pg_basebackup} does it, which the bundle lacks: a copy
 * of the data between {@code pg_backup_start()} and {@code pg_backup_stop()}, and the WAL since then from a slot.
 */
public final class Replica implements AutoCloseable {

    /** What a copy leaves out: their contents belong to the running primary. */
    private static final Set<String> EMPTY = Set.of(
            "pg_wal",
            "pg_replslot",
            "pg_dynshmem",
            "pg_notify",
            "pg_serial",
            "pg_snapshots",
            "pg_stat_tmp",
            "pg_subtrans");

    private static final Set<String> LEFT_OUT = Set.of("postmaster.pid", "postmaster.opts");

    private final DatabaseLocation primary;
    private final LocalFolder folder;
    private EmbeddedServer server;

    private Replica(DatabaseLocation primary, LocalFolder folder) {
        this.primary = primary;
        this.folder = folder;
    }

    /**
     * Makes a replica and starts it.
     *
     * @param primaryFolder the folder of the primary
     * @param folder of the replica; its name is that of the replication slot
     */
    public static Replica of(EmbeddedServer primary, Path primaryFolder, Path folder) {
        try {
            Replica replica = new Replica(primary.location(), LocalFolder.open(folder));
            replica.copy(primaryFolder.resolve("data"), folder.resolve("data"));
            replica.start();
            return replica;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts the stopped replica again, on the same port. */
    public void start() {
        server = EmbeddedServer.start(folder, 0, primary.password(), Map.of());
    }

    public void stop() {
        server.close();
    }

    public String url() {
        return server.location().url();
    }

    /** SQL as the superuser, who may pause the replay and promote. */
    public JdbcTemplate sql() {
        return new JdbcTemplate(new DriverManagerDataSource(url(), primary.username(), primary.password()));
    }

    @Override
    public void close() throws IOException {
        stop();
        folder.close();
    }

    private void copy(Path from, Path to) throws IOException {
        String slot = folder.path().getFileName().toString();
        // One session: the backup ends with it.
        SingleConnectionDataSource session =
                new SingleConnectionDataSource(primary.url(), primary.username(), primary.password(), true);
        try {
            JdbcTemplate sql = new JdbcTemplate(session);
            if (!Files.readString(from.resolve("pg_hba.conf")).contains("replication")) {
                sql.execute("create role replicator login replication password 'replicator'");
                Files.writeString(
                        from.resolve("pg_hba.conf"),
                        "host replication replicator 127.0.0.1/32 scram-sha-256\n",
                        StandardOpenOption.APPEND);
                sql.execute("select pg_reload_conf()");
            }
            sql.execute("select pg_create_physical_replication_slot('%s', true)".formatted(slot));
            sql.execute("select pg_backup_start('%s', true)".formatted(slot));
            Files.walkFileTree(from, new Copying(from, to));
            String label = sql.queryForObject("select labelfile from pg_backup_stop(false)", String.class);
            Files.writeString(to.resolve("backup_label"), label); // or it would start from a wrong place in the WAL
        } finally {
            session.destroy();
        }
        Files.createFile(to.resolve("standby.signal"));
        Files.writeString(
                to.resolve("postgresql.auto.conf"),
                """
                primary_conninfo = 'host=127.0.0.1 port=%s user=replicator password=replicator'
                primary_slot_name = '%s'
                """.formatted(primary.url().replaceAll(".*:(\\d+)/.*", "$1"), slot),
                StandardOpenOption.APPEND);
    }

    private static final class Copying extends SimpleFileVisitor<Path> {

        private final Path from;
        private final Path to;

        Copying(Path from, Path to) {
            this.from = from;
            this.to = to;
        }

        @Override
        public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) throws IOException {
            Path target = to.resolve(from.relativize(directory));
            Files.copy(directory, target, StandardCopyOption.COPY_ATTRIBUTES); // the server refuses wider permissions
            return EMPTY.contains(from.relativize(directory).toString())
                    ? FileVisitResult.SKIP_SUBTREE
                    : FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            if (!LEFT_OUT.contains(from.relativize(file).toString())) {
                try {
                    Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
                } catch (NoSuchFileException e) {
                    return FileVisitResult.CONTINUE; // the primary goes on working, and may delete a file
                }
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (e instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
            }
            throw e;
        }
    }
}
