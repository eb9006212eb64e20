package dev.postrider.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.packaging.Containerfile.Copy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.springframework.util.FileSystemUtils;

/**
 * The files of the image without an engine that builds it: made by the Containerfile's own commands, in a folder.
 *
 * @param layers what the first stage has made
 * @param root what takes the place of the image's working folder; nobody may write in it
 * @param writable what takes the place of its {@code /tmp}
 */
record ImageFiles(Containerfile containerfile, Path layers, Path root, Path writable) {

    /** The only folder of the first stage that the second one knows. */
    private static final String STAGE = "/build/";

    private static final String JAVA =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();

    static ImageFiles build(Path folder) throws IOException, InterruptedException {
        Containerfile containerfile = Containerfile.read();
        // The image's user is another than this one.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path stage = Files.createDirectory(folder.resolve("build"));
        Files.copy(jar(), stage.resolve(containerfile.jar().to()));
        Process extraction = new ProcessBuilder(withJava(containerfile.words("RUN")))
                .directory(stage.toFile())
                .inheritIO()
                .start();
        assertThat(extraction.waitFor()).as("exit code of RUN").isZero();
        Path root = Files.createDirectory(folder.resolve("root"));
        for (Copy copy : containerfile.copies()) {
            assertThat(copy.from()).startsWith(STAGE);
            FileSystemUtils.copyRecursively(
                    stage.resolve(copy.from().substring(STAGE.length())), root.resolve(copy.to()));
        }
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("r-xr-xr-x"));
        Path writable = Files.createDirectory(folder.resolve("tmp"));
        Files.setPosixFilePermissions(writable, PosixFilePermissions.fromString("rwxrwxrwx"));
        return new ImageFiles(containerfile, stage.resolve("layers"), root, writable);
    }

    /** The jar as it ships. */
    static Path jar() throws IOException {
        Path jar = Path.of(Containerfile.read().jar().from());
        assertThat(jar)
                .as("The jar is not there. Build it first: mvn package -DskipTests")
                .exists();
        return jar;
    }

    /** A command that begins with "java", by the Java that runs the tests. */
    static List<String> withJava(List<String> command) {
        assertThat(command).first().isEqualTo("java");
        return Stream.concat(Stream.of(JAVA), command.stream().skip(1)).toList();
    }

    /**
     * What an engine does with the image: its entrypoint as its user in its folder, and no environment but the caller's.
     * A test that is not root's runs it as its own user.
     */
    ProcessBuilder entrypoint() throws IOException {
        List<String> command = new ArrayList<>();
        if (isRoot()) {
            String[] user = containerfile.only("USER").split(":");
            command.addAll(List.of("setpriv", "--reuid", user[0], "--regid", user[1], "--clear-groups"));
            command.addAll(List.of("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"));
        }
        command.addAll(withJava(containerfile.words("ENTRYPOINT")));
        ProcessBuilder process = new ProcessBuilder(command).directory(root.toFile());
        process.environment().clear();
        process.environment().put("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=" + writable);
        return process;
    }

    static boolean isRoot() {
        return System.getProperty("user.name").equals("root");
    }
}
