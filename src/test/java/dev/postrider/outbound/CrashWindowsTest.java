package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Receiver;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The moments at which a delivery could get lost, or be made twice without need, on one node; {@code
 * docs/decisions/crash-windows.md} lists them all.
 */
class CrashWindowsTest extends OutboundTest {

    private static final int TIMEOUT = 60_000;
    private static final String QUICK =
            "{\"maximumRedeliveries\": 100, \"redeliveryDelay\": 100, \"backOffMultiplier\": 1}";

    private final EndpointSecrets secrets = APPLICATION.bean(EndpointSecrets.class);
    private final Receiver receiver = Receiver.start();
    private final String secret = WebhookSignature.newSecret();
    private Workspace workspace;

    @BeforeEach
    void create() {
        workspace = Workspace.create(EVERYTHING, secrets);
    }

    @AfterEach
    void close() {
        receiver.close();
        assertThat(EVERYTHING.queryForObject("select postrider.unaccounted()", Long.class))
                .as("deliveries that are nowhere")
                .isZero();
    }

    @Test
    void aPublisherThatIsCutOffBeforeItsCommitLeavesNothingAndItsRepetitionIsTheFirst() throws SQLException {
        endpoint(QUICK);
        try (Connection publisher = DriverManager.getConnection(
                APPLICATION.database().directUrl(),
                APPLICATION.database().username(),
                APPLICATION.database().password())) {
            publisher.setAutoCommit(false);
            try (var statement = publisher.createStatement()) {
                statement.execute("select set_config('app.active_workspace', '%s', true)".formatted(workspace.id));
                statement.execute("select postrider.publish_event('invoice.paid', '{}', 'cut-off')");
                try (var answer = statement.executeQuery("select pg_backend_pid()")) {
                    answer.next();
                    EVERYTHING.queryForList("select pg_terminate_backend(?)", answer.getInt(1));
                }
                assertThatThrownBy(publisher::commit).isInstanceOf(SQLException.class);
            }
        }
        assertThat(workspace.rows("system_events"))
                .noneMatch(event -> event.get("category").equals("event"));
        for (String table : List.of("event_keys", "deliveries", "background_tasks", "accepted_log")) {
            assertThat(workspace.rows(table)).as(table).isEmpty();
        }

        UUID event = workspace.publish("invoice.paid", "{}", "cut-off");
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(workspace.publish("invoice.paid", "{}", "cut-off")).isEqualTo(event);
        assertThat(workspace.rows("deliveries")).hasSize(1);
        assertThat(ids()).containsExactly(event.toString());
    }

    @Test
    void anEndpointThatIsDisabledWhileARetryWaitsGetsWhatWaitedOnceItIsEnabledAndReplayed() {
        receiver.answers(Receiver.with(500, ""));
        UUID endpoint = endpoint("{\"redeliveryDelay\": 3600000}");
        UUID event = workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("background_tasks").stream()
                .anyMatch(task -> Integer.valueOf(1).equals(task.get("failure_count"))));

        workspace.update(endpoint, "enabled = false");
        bringForward();
        await().until(() -> workspace.rows("dead_letters").size() == 1);
        assertThat(receiver.requests()).hasSize(1);
        assertThat((String) workspace.deadLetter().get("last_error")).contains("is disabled", "replay");

        receiver.answers(Receiver.with(200, ""));
        workspace.update(endpoint, "enabled = true");
        workspace.replay((UUID) workspace.deadLetter().get("dead_letter_id"));
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(ids()).containsExactly(event.toString(), event.toString());
    }

    @Test
    void aFailureThatTheDatabaseDoesNotTakeIsWrittenDownLaterAndTriedAgain() {
        EVERYTHING.execute("""
                create sequence public.refusals;
                create function public.refuse_failures() returns trigger language plpgsql security definer as $$
                begin
                    perform nextval('public.refusals');
                    raise check_violation using message = 'refused by the test';
                end $$;
                create trigger refuse_failures before update on postrider.background_tasks for each row
                    when (new.failure_count > old.failure_count and new.workspace_id = '%s')
                    execute function public.refuse_failures()""".formatted(workspace.id));
        try {
            receiver.answers(Receiver.with(500, ""));
            endpoint(QUICK);
            workspace.publish("invoice.paid", "{}");
            await().until(() -> EVERYTHING.queryForObject(
                    "select is_called and last_value > 1 from public.refusals", Boolean.class));
            assertThat(receiver.requests())
                    .as("no attempt while the one before is not written down")
                    .hasSize(1);
            receiver.answers(Receiver.with(200, ""));
        } finally {
            EVERYTHING.execute("""
                    drop trigger refuse_failures on postrider.background_tasks;
                    drop function public.refuse_failures;
                    drop sequence public.refusals""");
        }
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(receiver.requests()).hasSize(2);
        assertThat(workspace.rows("task_history"))
                .singleElement()
                .satisfies(task -> assertThat(task)
                        .containsEntry("task_status", "completed")
                        .containsEntry("failure_count", 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {300, 301, 302, 303, 304, 307, 308})
    void anAnswerOfARedirectOr304IsAFailureAndNotFollowed(int status) {
        receiver.answers(Receiver.with(status, "", "Location", receiver.url() + "/elsewhere"));
        endpoint("{\"maximumRedeliveries\": 0}");
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("dead_letters").size() == 1);
        assertThat(receiver.requests()).singleElement().satisfies(request -> {
            assertThat(request.method()).isEqualTo("POST");
            assertThat(request.target()).isEqualTo("/hook");
        });
        assertThat((String) workspace.deadLetter().get("last_error"))
                .contains(Integer.toString(status), "redirects are not followed");
    }

    @Test
    void theSameEventKeyInTwoWorkspacesIsTwoEventsAndBothAreDelivered() {
        Workspace other = Workspace.create(EVERYTHING, secrets);
        endpoint(QUICK);
        other.endpoint(receiver.url(), secret, QUICK, Map.of(), TIMEOUT);

        UUID mine = workspace.publish("invoice.paid", "{}", "order-7");
        UUID theirs = other.publish("invoice.paid", "{}", "order-7");

        assertThat(mine).isNotEqualTo(theirs);
        await().until(() -> receiver.requests().size() == 2);
        assertThat(ids()).containsExactlyInAnyOrder(mine.toString(), theirs.toString());
        await().until(() -> workspace.rows("task_history").size()
                        + other.rows("task_history").size()
                == 2);
    }

    @Test
    void anEventThatNoEndpointWantsIsStoredAndCanBeRead() {
        UUID tenant = APPLICATION.newWorkspace();
        String key = APPLICATION.newKey(tenant);
        String disabled = call(
                        key,
                        "POST",
                        "/v1/endpoints",
                        "{\"url\": \"%s\", \"eventTypes\": [\"*\"]}".formatted(receiver.url()))
                .text("/endpointId");
        call(key, "PATCH", "/v1/endpoints/" + disabled, "{\"enabled\": false}");

        Answer published =
                call(key, "POST", "/v1/events", "{\"eventType\": \"nobody.knows\", \"payload\": {\"n\": 1}}");

        assertThat(published.json().path("deliveries").asInt()).isZero();
        Answer event = call(key, "GET", "/v1/events/" + published.text("/eventId"), null);
        assertThat(event.text("/eventType")).isEqualTo("nobody.knows");
        assertThat(event.json().at("/payload/n").asInt()).isEqualTo(1);
        assertThat(event.json().path("deliveries")).isEmpty();
        assertThat(call(key, "GET", "/v1/events?type=nobody.knows", null).json().path("items"))
                .hasSize(1);
    }

    @Test
    void aRetryNeedsNoRecordOfTheAttemptBefore() {
        receiver.answers(Receiver.with(500, ""));
        endpoint("{\"redeliveryDelay\": 3600000}");
        UUID event = workspace.publish("invoice.paid", "{\"n\": 1}");
        await().until(() -> workspace.rows("background_tasks").stream()
                .anyMatch(task -> Integer.valueOf(1).equals(task.get("failure_count"))));

        EVERYTHING.update("delete from postrider.delivery_attempts where workspace_id = ?", workspace.id);
        receiver.answers(Receiver.with(200, ""));
        bringForward();

        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(ids()).containsExactly(event.toString(), event.toString());
        assertThat(receiver.requests().get(1).body())
                .isEqualTo(receiver.requests().get(0).body());
    }

    @Test
    void aDeliveryDoesNotCountAsMadeUntilItsAttemptIsRecorded() {
        endpoint(QUICK);
        EVERYTHING.execute(
                "alter table postrider.delivery_attempts add constraint refuse_records check (workspace_id <> '%s')"
                        .formatted(workspace.id));
        try {
            workspace.publish("invoice.paid", "{}");
            await().until(() -> !receiver.requests().isEmpty());
            await().during(Duration.ofSeconds(1))
                    .until(() -> workspace.rows("task_history").isEmpty()
                            && workspace.rows("background_tasks").size() == 1);
        } finally {
            EVERYTHING.execute("alter table postrider.delivery_attempts drop constraint refuse_records");
        }
        await().until(() -> workspace.rows("task_history").size() == 1);
        assertThat(workspace.attempts())
                .anySatisfy(attempt -> assertThat(attempt)
                        .containsEntry("response_status", 200)
                        .containsEntry("error", null));
        assertThat(ids()).as("the record is repeated, not the request").hasSize(1);
    }

    @Test
    void ofAHundredEndpointsOneFailsAndTheOthersGetNoSecondRequest() {
        receiver.answers(
                exchange -> Receiver.with(exchange.getRequestURI().getPath().endsWith("/13") ? 500 : 200, "")
                        .write(exchange));
        for (int i = 0; i < 100; i++) {
            workspace.endpoint(
                    receiver.url() + "/" + i,
                    secret,
                    "{\"maximumRedeliveries\": 3, \"redeliveryDelay\": 100, \"backOffMultiplier\": 1}",
                    Map.of(),
                    TIMEOUT);
        }

        workspace.publish("invoice.paid", "{}");

        await().until(() -> workspace.rows("dead_letters").size() == 1
                && workspace.rows("task_history").size() == 99);
        Map<String, Long> requests = receiver.requests().stream()
                .collect(Collectors.groupingBy(Receiver.Request::target, Collectors.counting()));
        assertThat(requests).hasSize(100);
        assertThat(requests.remove("/hook/13")).isEqualTo(4);
        assertThat(requests.values()).containsOnly(1L);
    }

    private UUID endpoint(String policy) {
        return workspace.endpoint(receiver.url(), secret, policy, Map.of(), TIMEOUT);
    }

    /** As if the time of what waits had come. */
    private void bringForward() {
        assertThat(EVERYTHING.update(
                        "update postrider.background_tasks set scheduled_at = now() where workspace_id = ? and task_type = 'delivery'",
                        workspace.id))
                .isEqualTo(1);
    }

    private List<String> ids() {
        return receiver.requests().stream()
                .map(request -> request.header("webhook-id"))
                .toList();
    }

    private static Answer call(String key, String method, String path, String body) {
        Answer answer = APPLICATION.send(key, method, path, body);
        assertThat(answer.status()).as(answer.body()).isBetween(200, 299);
        return answer;
    }
}
