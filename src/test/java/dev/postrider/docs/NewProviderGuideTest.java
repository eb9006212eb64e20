package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Guide;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The provider of docs/guides/new-provider.md is added by its file alone, and the commands answer what stands behind them. */
class NewProviderGuideTest {

    private static final String GUIDE = "new-provider.md";
    private static final int MOST_LINES = 30;
    private static final RunningApplication APPLICATION = RunningApplication.shared();

    @Test
    void the_provider_takes_in_what_is_signed_as_the_guide_says() throws Exception {
        APPLICATION.route("providers/lantern.camel.yaml", Guide.block(GUIDE, "yaml"));
        String commands = String.join("", Guide.blocks(GUIDE, "sh"));
        List<String> shown = commands.lines()
                .filter(line -> line.startsWith("# -> "))
                .map(line -> line.substring("# -> ".length()))
                .toList();
        assertThat(shown).hasSize(5);

        List<String> answers = run(commands);

        assertThat(answers).hasSameSizeAs(shown);
        for (int i = 0; i < shown.size(); i++) {
            String start = shown.get(i).replaceFirst("….*", "");
            assertThat(answers.get(i)).startsWith(start).contains(shown.get(i).split("…"));
        }
    }

    @Test
    void a_provider_is_at_most_thirty_lines() throws IOException {
        assertThat(Guide.block(GUIDE, "yaml").lines().count()).isLessThanOrEqualTo(MOST_LINES);
        try (Stream<Path> files = Files.list(Path.of("routes", "providers"))) {
            assertThat(files.toList())
                    .hasSizeGreaterThanOrEqualTo(8)
                    .allSatisfy(file -> assertThat(Files.readAllLines(file).size())
                            .as(file.toString())
                            .isLessThanOrEqualTo(MOST_LINES));
        }
    }

    /** The lines that the commands print. */
    private static List<String> run(String commands) throws IOException, InterruptedException {
        ProcessBuilder shell = new ProcessBuilder(
                        "bash", "-e", "-c", commands.replace("localhost:8080", "localhost:" + APPLICATION.port()))
                .redirectErrorStream(true);
        shell.environment().put("KEY", APPLICATION.newKey(APPLICATION.newWorkspace()));
        Process process = shell.start();
        List<String> lines =
                new String(process.getInputStream().readAllBytes()).lines().toList();
        assertThat(process.waitFor()).as(String.join("\n", lines)).isZero();
        return lines;
    }
}
