package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Guide;
import dev.postrider.testkit.MigratedDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The guide to analytics lists the columns that the views have, and its questions are answered. */
class AnalyticsGuideTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();

    @Test
    void each_view_has_the_columns_that_the_guide_lists_in_their_order() {
        String[] parts = Pages.read("docs/guides/analytics.md").split("(?m)^`postrider\\.(?=\\w+`: a row per)");
        assertThat(parts).hasSize(4);
        for (String part : List.of(parts).subList(1, 4)) {
            String view = part.substring(0, part.indexOf('`'));
            List<String> listed = part.lines()
                    .filter(line -> line.startsWith("| `"))
                    .flatMap(line -> names(line.split("\\|")[1]))
                    .toList();
            assertThat(listed).as(view).isEqualTo(DATABASE.sql().queryForList("""
                            select attname::text from pg_attribute
                             where attrelid = ('postrider.' || ?)::regclass and attnum > 0 order by attnum""", String.class, view));
        }
    }

    @Test
    void the_questions_are_answered_to_an_analyst() {
        UUID workspace = DATABASE.newWorkspace();
        DATABASE.sql().update("""
                insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank,
                                                    scheduled_at, attempt_count, failure_count, claimed_at, created_at, payload)
                values (?, ?, 'task', 'report', 'completed', 0, now(), 1, 0, now(), now(), '{}'),
                       (?, ?, 'delivery', 'delivery', 'discarded', 0, now(), 1, 0, now(), now(),
                        jsonb_build_object('endpointId', gen_random_uuid()))""", UUID.randomUUID(), workspace, UUID.randomUUID(), workspace);
        List<String> questions = Guide.blocks("analytics.md", "sql");
        assertThat(questions).hasSize(3);

        List<List<Map<String, Object>>> answers = new ArrayList<>();
        for (String question : questions) {
            answers.add(DATABASE.as("analyst", null, sql -> sql.queryForList(question)));
        }

        assertThat(answers).allSatisfy(rows -> assertThat(rows).hasSize(1));
        assertThat(answers.get(0).get(0)).hasToString("{name=test, completed=1, dead=0, retries=0, percent=50.00}");
        assertThat(answers.get(1).get(0))
                .containsEntry("delivered", 0L)
                .containsEntry("workspace_id", workspace)
                .containsEntry("p99", null);
        assertThat(answers.get(2).get(0)).containsEntry("task_type", "report").containsEntry("completed", 1L);
    }

    private static Stream<String> names(String cell) {
        return Pattern.compile("`(\\w+)`").matcher(cell).results().map((MatchResult name) -> name.group(1));
    }
}
