package dev.postrider.docs;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** The handler of the guide runs as it is printed, and each workspace gets its own answer. */
class TenantGuideTest {

    /** Of its own: the rows of the test stay. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final Pattern FILE =
            Pattern.compile("`((?:tasks|queries)/[^`]+)`[^`]*```\\w+\n(.*?)```", Pattern.DOTALL);

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @Test
    void the_example_reads_and_writes_the_rows_of_its_workspace() throws IOException {
        Map<String, String> files = files();
        assertThat(files).hasSize(3);
        for (String path : files.keySet()) {
            if (path.startsWith("queries/")) {
                Path target = Path.of("target", "test-classes", "db", path);
                Files.createDirectories(target.getParent());
                Files.writeString(target, files.get(path));
            }
        }
        APPLICATION.route("tasks/asset-summary.camel.yaml", files.get("tasks/asset-summary.camel.yaml"));
        UUID other = APPLICATION.newWorkspace();
        APPLICATION
                .sql()
                .update(
                        "insert into postrider.workspace_assets (workspace_id, name) values (?, 'a'), (?, 'b')",
                        other,
                        other);

        assertThat(summary(WORKSPACE)).isEqualTo("0 assets");
        assertThat(summary(other)).isEqualTo("2 assets");
    }

    private static String summary(UUID workspace) {
        String key = APPLICATION.newKey(workspace);
        String task = APPLICATION
                .send(key, "POST", "/v1/tasks", "{\"taskType\": \"asset-summary\", \"payload\": {}}")
                .text("/taskId");
        RunningApplication.await()
                .until(() -> APPLICATION
                        .send(key, "GET", "/v1/tasks/" + task, null)
                        .text("/status")
                        .equals("completed"));
        return APPLICATION
                .sql()
                .queryForObject(
                        "select convert_from(content, 'UTF8') from postrider.workspace_assets where workspace_id = ? and name = ?",
                        String.class,
                        workspace,
                        "summary " + task);
    }

    private static Map<String, String> files() throws IOException {
        Map<String, String> files = new LinkedHashMap<>();
        Matcher block = FILE.matcher(Files.readString(Path.of("docs", "guides", "tenant-routes.md")));
        while (block.find()) {
            files.put(block.group(1), block.group(2));
        }
        return files;
    }
}
