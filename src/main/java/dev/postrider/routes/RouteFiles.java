package dev.postrider.routes;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;

/**
 * The set of route files that are to run: those packaged with the application, overlaid by path with those of a folder.
 *
 * <p>Beside its own sources, in development, the folder alone counts: a file deleted there would otherwise come back
 * from the copy that the build made of it.
 */
final class RouteFiles {

    private static final Logger LOG = LoggerFactory.getLogger(RouteFiles.class);
    private static final String PACKAGED = "routes/";
    private static final Duration SETTLING = Duration.ofMillis(200);
    private static final int SETTLING_READS = 5;

    private final Map<String, RouteFile> packaged;
    private final Map<String, RouteFile> built;
    private final Path folder;
    private final Runnable settling;
    private Map<String, RouteFile> lastRead = Map.of();

    /**
     * @param folder laid over the packaged files; may appear later
     * @param settling waits between two readings of a folder that changes
     */
    RouteFiles(Map<String, RouteFile> packaged, Path folder, Runnable settling) {
        this(packaged, packaged, folder, settling);
    }

    private RouteFiles(Map<String, RouteFile> packaged, Map<String, RouteFile> built, Path folder, Runnable settling) {
        this.settling = settling;
        this.packaged = Map.copyOf(packaged);
        this.built = Map.copyOf(built);
        this.folder = folder;
    }

    /** Reads the packaged files now, since they cannot change while the application runs. */
    static RouteFiles of(Path folder) throws IOException {
        Map<String, RouteFile> built = new TreeMap<>();
        boolean sources = false;
        PathMatchingResourcePatternResolver resolver = new PathMatchingResourcePatternResolver();
        for (Resource resource : resolver.getResources("classpath*:" + PACKAGED + "**/*.yaml")) {
            URI uri = resource.getURI();
            sources = sources || isSourceOf(folder, uri);
            String url = uri.toString();
            String path = url.substring(url.lastIndexOf("/" + PACKAGED) + 1 + PACKAGED.length());
            built.put(
                    path,
                    new RouteFile(
                            path, "classpath:" + PACKAGED + path, resource.getContentAsString(StandardCharsets.UTF_8)));
        }
        return new RouteFiles(
                sources ? Map.of() : built, built, folder, () -> LockSupport.parkNanos(SETTLING.toNanos()));
    }

    /** Whether the file's text is what the build packaged, and so has passed the build's lint. */
    boolean isAsBuilt(RouteFile file) {
        RouteFile original = built.get(file.path());
        return original != null && original.text().equals(file.text());
    }

    /** Whether the packaged file lies in {@code target/classes} of the project whose {@code routes} the folder is. */
    private static boolean isSourceOf(Path folder, URI packagedFile) throws IOException {
        if (!"file".equals(packagedFile.getScheme()) || !Files.isDirectory(folder)) {
            return false;
        }
        for (Path up = Path.of(packagedFile).getParent(); up != null; up = up.getParent()) {
            if (up.endsWith(Path.of("target", "classes"))) {
                Path source = up.resolve("../../" + PACKAGED).normalize();
                return Files.isDirectory(source) && Files.isSameFile(source, folder);
            }
        }
        return false;
    }

    /**
     * Reads what is to run now.
     *
     * @throws IOException if the folder is there and cannot be read: then nothing is known, and nothing must change
     */
    SortedMap<String, RouteFile> read() throws IOException {
        SortedMap<String, RouteFile> files = new TreeMap<>(packaged);
        if (Files.isDirectory(folder)) {
            files.putAll(readFolder(folder));
        }
        return files;
    }

    /**
     * As {@link #read}, but waits until two readings in a row are alike: a shell or an editor makes a file empty, and
     * fills it a moment later. Gives up after a second, since a file may be written without end.
     */
    SortedMap<String, RouteFile> readSettled() throws IOException {
        SortedMap<String, RouteFile> now = read();
        for (int again = 0; again < SETTLING_READS && !now.equals(lastRead); again++) {
            lastRead = now;
            settling.run();
            now = read();
        }
        lastRead = now;
        return now;
    }

    /** Whether a file of the folder replaces a packaged one of the engine with other content. */
    boolean replacesEngine(RouteFile file) {
        RouteFile original = packaged.get(file.path());
        return file.isEngine() && original != null && !original.text().equals(file.text());
    }

    private static Map<String, RouteFile> readFolder(Path folder) throws IOException {
        Map<String, RouteFile> files = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            List<Path> paths = walk.filter(path -> path.toString().endsWith(".yaml"))
                    .filter(path -> !isHidden(folder.relativize(path)))
                    .toList();
            for (Path path : paths) {
                String name = folder.relativize(path).toString().replace('\\', '/');
                try {
                    String text = new String(Files.readAllBytes(path), StandardCharsets.UTF_8);
                    files.put(name, new RouteFile(name, path.toUri().toString(), text));
                } catch (NoSuchFileException gone) {
                    LOG.debug("{} was deleted while the folder was read", name);
                }
            }
        } catch (java.io.UncheckedIOException e) {
            throw e.getCause();
        }
        return files;
    }

    /** Kubernetes keeps the versions of a mounted ConfigMap in folders that begin with a dot, and editors their copies. */
    private static boolean isHidden(Path relative) {
        for (Path part : relative) {
            if (part.toString().startsWith(".")) {
                return true;
            }
        }
        return false;
    }
}
