package dev.postrider.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.core.LauncherFactory;
import org.testcontainers.DockerClientFactory;

/** What becomes of tests that are asked to run on a Docker image. */
class DatabaseImageTest {

    /** Begins to run tests, as Maven does, and says whether it came to that. */
    static final class Begin {

        public static void main(String[] arguments) {
            try (LauncherSession session = LauncherFactory.openSession()) {
                System.out.println("begun with " + session.getLauncher());
            }
        }
    }

    @Test
    void without_docker_no_test_begins_and_one_message_says_what_to_do() throws Exception {
        assumeThat(DockerClientFactory.instance().isDockerAvailable())
                .isFalse(); // it would be found in its usual place

        String said = begin(Map.of("DOCKER_HOST", "tcp://127.0.0.1:1"), "-Dpostrider.test.postgres=postgres:17");

        assertThat(said)
                .contains("-Dpostrider.test.postgres=postgres:17 asks", "at DOCKER_HOST=tcp://127.0.0.1:1", "leave the")
                .doesNotContain("begun", " ERROR ");
    }

    @Test
    void an_image_that_nobody_asked_for_is_not_looked_for() throws Exception {
        assertThat(begin(Map.of("DOCKER_HOST", "tcp://127.0.0.1:1"), "-Dpostrider.test.postgres="))
                .startsWith("begun")
                .hasLineCount(1);
    }

    private static String begin(Map<String, String> environment, String option) throws Exception {
        ProcessBuilder command = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        option,
                        "-cp",
                        System.getProperty("java.class.path"),
                        Begin.class.getName())
                .redirectErrorStream(true);
        command.environment().putAll(environment);
        Process process = command.start();
        String said = new String(process.getInputStream().readAllBytes());
        process.waitFor();
        return said;
    }
}
