package dev.postrider.routes;

import static dev.postrider.routes.RoutesUnderTest.answering;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RouteFilesTest {

    @TempDir
    Path folder;

    private RoutesUnderTest routes;

    @BeforeEach
    void start() {
        routes = new RoutesUnderTest(folder);
    }

    @AfterEach
    void stop() {
        routes.close();
    }

    @Test
    void aFolderIsLaidOverThePackagedFilesByPath() throws Exception {
        routes.packaged("engine/a.camel.yaml", answering("a", "packaged"))
                .packaged("tasks/b.camel.yaml", answering("b", "packaged"))
                .write("tasks/b.camel.yaml", answering("b", "folder"))
                .write("tasks/c.camel.yaml", answering("c", "folder"))
                .look();

        assertThat(routes.ask("a")).isEqualTo("packaged");
        assertThat(routes.ask("b")).isEqualTo("folder");
        assertThat(routes.ask("c")).isEqualTo("folder");

        routes.delete("tasks/b.camel.yaml").look();
        assertThat(routes.ask("b")).isEqualTo("packaged");

        routes.write("tasks/b.camel.yaml", "[]\n").look();
        assertThat(routes.runs("b")).isFalse();
        assertThat(routes.broken()).isEmpty();
    }

    @Test
    void replacingAFileOfTheEngineIsSaidInOneLine() throws Exception {
        routes.packaged("engine/a.camel.yaml", answering("a", "packaged"))
                .packaged("engine/b.camel.yaml", answering("b", "packaged"))
                .packaged("tasks/c.camel.yaml", answering("c", "packaged"))
                .write("engine/a.camel.yaml", answering("a", "folder"))
                .write("engine/b.camel.yaml", answering("b", "packaged"))
                .write("tasks/c.camel.yaml", answering("c", "folder"))
                .look()
                .look();

        assertThat(routes.logLines().stream().filter(line -> line.contains("replaces the packaged file")))
                .singleElement()
                .asString()
                .startsWith("engine/a.camel.yaml ");
    }

    @Test
    void aFileThatIsBeingWrittenIsTakenWhenItIsWhole() throws Exception {
        routes.look().write("tasks/a.camel.yaml", "").whileSettling(() -> {
            try {
                routes.write("tasks/a.camel.yaml", answering("a", "whole"));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });

        routes.look();

        assertThat(routes.ask("a")).isEqualTo("whole");
        assertThat(routes.errorLines()).isEmpty();
    }

    @Test
    void aFileThatIsWrittenWithoutEndHoldsNothingUp() throws Exception {
        AtomicInteger writes = new AtomicInteger();
        routes.look().write("tasks/b.camel.yaml", answering("b", "whole")).whileSettling(() -> {
            try {
                routes.write("tasks/a.camel.yaml", answering("a", "version " + writes.incrementAndGet()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });

        routes.look();

        assertThat(routes.ask("b")).isEqualTo("whole");
        assertThat(routes.ask("a")).startsWith("version ");
    }

    @Test
    void aMountedConfigMapThatIsSwappedTakesEffect() throws Exception {
        // As Kubernetes does it: the files are links through ..data, which is itself exchanged in one step.
        Path mount = Files.createDirectories(folder.resolve("tasks"));
        Files.createDirectories(mount.resolve("..v1"));
        Files.createDirectories(mount.resolve("..v2"));
        Files.writeString(mount.resolve("..v1/a.camel.yaml"), answering("a", "one"));
        Files.writeString(mount.resolve("..v2/a.camel.yaml"), answering("a", "two"));
        Files.createSymbolicLink(mount.resolve("..data"), Path.of("..v1"));
        Files.createSymbolicLink(mount.resolve("a.camel.yaml"), Path.of("..data/a.camel.yaml"));
        routes.look();
        assertThat(routes.loader().loadedFiles()).containsExactly("tasks/a.camel.yaml");
        assertThat(routes.ask("a")).isEqualTo("one");

        Files.createSymbolicLink(mount.resolve("..data_tmp"), Path.of("..v2"));
        Files.move(mount.resolve("..data_tmp"), mount.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
        routes.look();

        assertThat(routes.ask("a")).isEqualTo("two");
    }

    @Test
    void aFolderThatIsTheSourceOfThePackagedFilesCountsAlone() throws Exception {
        Path sources = Path.of("routes").toAbsolutePath();

        // A file that was deleted among the sources may still lie in target/classes.
        Path stale = Path.of("target/classes/routes/tasks/deleted-long-ago.camel.yaml");
        Files.createDirectories(stale.getParent());
        Files.writeString(stale, "[]\n");
        try {
            boolean here = Files.isDirectory(sources);
            assertThat(RouteFiles.of(sources).read().containsKey("tasks/deleted-long-ago.camel.yaml"))
                    .isEqualTo(!here);
            assertThat(RouteFiles.of(folder).read()).containsKey("tasks/deleted-long-ago.camel.yaml");
        } finally {
            Files.delete(stale);
        }
    }

    @Test
    void withoutAFolderThePackagedFilesRun() throws Exception {
        RouteFiles files = new RouteFiles(
                routes.packaged("engine/a.camel.yaml", answering("a", "packaged")).packaged,
                folder.resolve("none"),
                () -> {});

        assertThat(files.read()).containsOnlyKeys("engine/a.camel.yaml");
    }
}
