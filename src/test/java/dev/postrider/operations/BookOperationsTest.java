package dev.postrider.operations;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** What the next run of the route {@code reconcile} says of a loss, and what an operator sees and does in the console. */
@ExtendWith(OutputCaptureExtension.class)
class BookOperationsTest {

    /** Of its own: it is damaged, and the MBeans of one JVM belong to the application that started last. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final ObjectMapper JSON = new ObjectMapper();
    private static Console console;

    /** Runs every second instead of every minute, and otherwise as it ships. */
    @BeforeAll
    static void logIn() throws Exception {
        String route = Files.readString(Path.of("routes/engine/reconcile.camel.yaml"));
        assertThat(route).contains("period: \"60000\"");
        APPLICATION.putRoute(
                "engine/reconcile.camel.yaml",
                route.replace("period: \"60000\"", "period: \"1000\"").replace("delay: \"5000\"", "delay: \"0\""));
        APPLICATION.handler("books-done", "", "- log: done");
        APPLICATION.handlerWhoseTasksDie("books-dies");
        console = new Console(APPLICATION.managementPort());
        console.logIn("operator", RunningApplication.OPERATOR_PASSWORD);
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"background_tasks", "dead_letters", "task_history"})
    void a_deleted_row_is_named_in_the_log_and_shown_until_it_is_acknowledged(String table, CapturedOutput output)
            throws Exception {
        String type = Map.of(
                        "background_tasks", "books-waits", "dead_letters", "books-dies", "task_history", "books-done")
                .get(table);
        String task = APPLICATION.enqueue(type, "{}");
        await().until(() ->
                count("select count(*) from postrider.%s where task_id = '%s'".formatted(table, task)) == 1);
        String now = APPLICATION.sql().queryForObject("select clock_timestamp()::text", String.class);
        await().until(() ->
                count("select count(*) from postrider.book_state where counted_until > '%s'".formatted(now)) == 1);
        await().until(() -> gauge() == 0);
        assertThat(health()).contains("\"status\":\"UP\"");

        APPLICATION.sql().update("delete from postrider.%s where task_id = ?::uuid".formatted(table), task);

        await().until(() -> gauge() == 1);
        assertThat(output.getOut()).containsPattern("ERROR .*workspace %s, .*: %s".formatted(WORKSPACE, task));
        assertThat(health()).contains("DOWN", "\"unaccounted\":1", "\"findings\":1");
        assertThat(console.get("/actuator/health").statusCode()).isEqualTo(503);
        for (String probe : List.of("liveness", "readiness")) {
            assertThat(console.get("/actuator/health/" + probe).statusCode()).isEqualTo(200);
        }
        assertThat(text("accounting", 1)).contains(WORKSPACE.toString(), "unaccounted 1");
        assertThat(text("findings", 1)).contains(WORKSPACE + "  " + task, "missing", "open");

        assertThat(text("acknowledge", WORKSPACE.toString(), task, "lost in a test"))
                .contains("is acknowledged");

        await().until(() -> gauge() == 0);
        assertThat(health()).contains("\"status\":\"UP\"");
        assertThat(text("findings", 50)).contains("by operator:operator: lost in a test");
        assertThat(count("""
                select count(*) from postrider.system_events
                 where event_type = 'books.acknowledged' and actor = 'operator:operator' and payload ->> 'taskId' = '%s'""".formatted(task))).isOne();
    }

    @Test
    void what_cannot_be_acknowledged_is_refused_with_the_reason() throws Exception {
        assertRefused("is no id", "acknowledge", "demo", "x", "why");
        assertRefused("nothing was found about task", "acknowledge", WORKSPACE.toString(), WORKSPACE.toString(), "why");
        assertRefused("reason is missing", "acknowledge", WORKSPACE.toString(), WORKSPACE.toString(), " ");
    }

    private static void assertRefused(String reason, String operation, Object... arguments) throws Exception {
        JsonNode answer = execute(operation, arguments);
        assertThat(answer.at("/status").asInt()).as(operation).isNotEqualTo(200);
        assertThat(answer.at("/error").asText()).contains(reason);
    }

    private static double gauge() {
        return APPLICATION
                .bean(MeterRegistry.class)
                .get("postrider.unaccounted")
                .gauge()
                .value();
    }

    private static String health() throws Exception {
        return console.get("/actuator/health/books").body();
    }

    private static int count(String query) {
        return APPLICATION.sql().queryForObject(query, Integer.class);
    }

    private static String text(String operation, Object... arguments) throws Exception {
        JsonNode answer = execute(operation, arguments);
        assertThat(answer.at("/status").asInt()).as(answer.toString()).isEqualTo(200);
        return answer.at("/value").toString();
    }

    private static JsonNode execute(String operation, Object... arguments) throws Exception {
        return console.ask(
                "/actuator/jolokia",
                JSON.writeValueAsString(Map.of(
                        "type",
                        "exec",
                        "mbean",
                        "dev.postrider:type=Books",
                        "operation",
                        operation,
                        "arguments",
                        List.of(arguments))));
    }
}
