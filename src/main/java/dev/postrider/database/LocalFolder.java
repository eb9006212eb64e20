package dev.postrider.database;

import dev.postrider.startup.StartupException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * Holds the folder {@code .postrider}, which one process at a time may use.
 *
 * <p>It keeps the embedded server's data and the generated secrets. The operating system drops the lock when the
 * process ends, however it ends.
 */
public final class LocalFolder implements AutoCloseable {

    private final Path path;
    private final FileChannel channel;

    private LocalFolder(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /**
     * Creates the folder if needed, for this user only, and locks it.
     *
     * @throws StartupException if another process has it, or it cannot be created or written
     */
    public static LocalFolder open(Path directory) {
        Path path = directory.toAbsolutePath().normalize();
        try {
            Files.createDirectories(path);
            if (Files.getFileAttributeView(path, PosixFileAttributeView.class) != null) {
                Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
            }
            FileChannel channel =
                    FileChannel.open(path.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (!lock(channel)) {
                channel.close();
                throw new StartupException(
                        "Another Postrider is running on the folder %s.".formatted(path),
                        "Stop it, or give this one a folder of its own with the setting postrider.directory"
                                + " (and other ports: server.port, management.server.port).");
            }
            return new LocalFolder(path, channel);
        } catch (FileAlreadyExistsException e) {
            throw new StartupException(
                    "%s should be a folder for Postrider's data, but is a file.".formatted(e.getFile()),
                    "Remove or rename the file, or choose another folder with the setting postrider.directory.",
                    e);
        } catch (IOException e) {
            throw unusable(path, e);
        }
    }

    static StartupException unusable(Path path, IOException e) {
        return new StartupException(
                "The folder %s cannot be used for Postrider's data (%s)."
                        .formatted(path, e.getClass().getSimpleName() + ": " + e.getMessage()),
                "Make it writable for the user \"%s\", or choose another folder with the setting postrider.directory."
                        .formatted(System.getProperty("user.name")),
                e);
    }

    public Path path() {
        return path;
    }

    /** Lets another process have the folder. */
    @Override
    public void close() throws IOException {
        channel.close();
    }

    private static boolean lock(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false; // held by another application context of this very process
        }
    }
}
