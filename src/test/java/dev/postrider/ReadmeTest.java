package dev.postrider;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import dev.postrider.testkit.TypedShell;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.util.FileSystemUtils;

/** What a reader of the README types does what the README says. */
class ReadmeTest {

    private static final Path README = Path.of("README.md");

    /** A block in a fence: its language, and its lines. */
    private record Block(String language, String text) {

        static List<Block> of(String markdown) {
            return Pattern.compile("^```(\\w+)\n(.*?)^```$", Pattern.MULTILINE | Pattern.DOTALL)
                    .matcher(markdown)
                    .results()
                    .map(block -> new Block(block.group(1), block.group(2)))
                    .toList();
        }
    }

    @Test
    void theTourWorksAsTyped(@TempDir Path folder) throws Exception {
        String readme = Files.readString(README);
        String tour = readme.substring(readme.indexOf("<!-- tour -->"), readme.indexOf("<!-- end of tour -->"));
        FileSystemUtils.copyRecursively(Path.of("routes"), folder.resolve("routes"));
        Path log = folder.resolve("application.log");
        Process application = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        classPathWithoutTests(),
                        "dev.postrider.Postrider",
                        "--server.port=0",
                        "--management.server.port=0")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try (TypedShell shell = TypedShell.in(folder)) {
            TypedShell.awaitText(log, "Postrider is ready…API …http://localhost:…/v1…Keys ", application);
            String port = firstGroup("API +http://localhost:(\\d+)/v1", Files.readString(log));
            int typed = 0;
            for (Block block : Block.of(tour)) {
                if (block.language().equals("sh")) {
                    // The one change: the port of this test's application.
                    shell.type(block.text().replace("localhost:8080", "localhost:" + port));
                    typed++;
                } else {
                    TypedShell.awaitText(log, block.text().strip(), application);
                }
            }
            assertThat(typed).as("blocks of the tour").isGreaterThan(8);
            shell.exit();
            await().until(() -> Files.readString(log).contains("Removed tasks/greet.camel.yaml"));
            assertThat(Files.lines(log).filter(line -> line.contains(" ERROR ")))
                    .as("errors in the log besides the one that the tour makes")
                    .hasSize(1);
        } finally {
            application.destroy();
            if (!application.waitFor(30, TimeUnit.SECONDS)) {
                application.destroyForcibly().waitFor();
            }
        }
    }

    @Test
    void theSqlWorksForAnApplicationsOwnLogin() throws IOException {
        RunningApplication application = RunningApplication.shared();
        JdbcTemplate superuser = application.sql();
        superuser.execute("drop role if exists readme_login");
        superuser.execute("create role readme_login login password 'readme'");
        superuser.execute("grant postrider_producer to readme_login");
        String sql = Block.of(Files.readString(README)).stream()
                .filter(block -> block.language().equals("sql"))
                .map(Block::text)
                .collect(Collectors.joining());
        assertThat(sql).contains(RunningApplication.WORKSPACE.toString());
        String uniqueEvents = "select count(*) from postrider.event_keys where event_key = 'invoice-42-paid'";
        String reports = "select count(*) from postrider.accepted_log where workspace_id = ? and kind = 'task'";
        Long before = superuser.queryForObject(reports, Long.class, RunningApplication.WORKSPACE);

        new JdbcTemplate(new DriverManagerDataSource(application.database().directUrl(), "readme_login", "readme"))
                .execute(sql);

        assertThat(superuser.queryForObject(uniqueEvents, Long.class)).isEqualTo(1);
        assertThat(superuser.queryForObject(reports, Long.class, RunningApplication.WORKSPACE))
                .isGreaterThan(before);
    }

    private static String firstGroup(String pattern, String text) {
        Matcher matcher = Pattern.compile(pattern).matcher(text);
        assertThat(matcher.find()).as(pattern).isTrue();
        return matcher.group(1);
    }

    /** The tests' own settings, such as those of the log, are not the product's. */
    private static String classPathWithoutTests() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.endsWith("test-classes") && !entry.endsWith("test-classes" + File.separator))
                .collect(Collectors.joining(File.pathSeparator));
    }
}
