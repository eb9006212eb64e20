package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.standardwebhooks.Webhook;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.Receiver;
import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.UUID;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.component.http.HttpComponent;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Events, endpoints and deliveries over HTTP, as a team and its operators use them. */
class OutboundApiTest extends OutboundTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** A name of its own per test: all use the demo workspace. */
    private final String type = "test." + UUID.randomUUID();

    private final Receiver receiver = Receiver.start();

    private final ProducerTemplate camel = APPLICATION.camel().createProducerTemplate();

    @AfterEach
    void close() {
        receiver.close();
    }

    @Test
    void aPublishedEventIsDeliveredAndEveryAttemptCanBeRead() throws Exception {
        receiver.answers(Receiver.with(500, "not yet"));
        JsonNode endpoint =
                createEndpoint("\"redeliveryPolicy\": {\"maximumRedeliveries\": 1, \"redeliveryDelay\": 0}");
        JsonNode published = post("/events", event("{\"amount\": 1}"), 202);
        assertThat(published.path("deliveries").asInt()).isEqualTo(1);
        String eventId = published.path("eventId").asText();
        await().until(() -> deliveries("eventId=" + eventId + "&status=dead").size() == 1);
        JsonNode listed =
                deliveries("endpointId=" + endpoint.path("endpointId").asText()).get(0);
        assertThat(listed.path("status").asText()).isEqualTo("dead");
        assertThat(listed.path("lastResponseStatus").asInt()).isEqualTo(500);
        assertThat(listed.path("responseStatuses").toString()).isEqualTo("[500,500]");
        assertThat(listed.path("attemptCount").asInt()).isEqualTo(2);
        JsonNode delivery = get("/deliveries/" + listed.path("deliveryId").asText(), 200);
        assertThat(delivery.path("attempts")).hasSize(2);
        JsonNode attempt = delivery.path("attempts").get(1);
        assertThat(attempt.at("/response/body").asText()).isEqualTo("not yet");
        assertThat(attempt.at("/request/headers/webhook-id").asText()).isEqualTo(eventId);
        JsonNode event = get("/events/" + eventId, 200);
        assertThat(event.at("/payload/amount").asInt()).isEqualTo(1);
        assertThat(event.at("/deliveries/0/status").asText()).isEqualTo("dead");
        assertThat(get("/events?type=" + type, 200).path("items")).hasSize(1);
        receiver.answers(Receiver.with(200, ""));
        String deadLetter = "/dead-letters/" + listed.path("deadLetterId").asText();
        post(deadLetter + "/replay", "{\"reason\": \"it has recovered\"}", 202);
        await().until(() ->
                deliveries("eventId=" + eventId + "&status=completed").size() == 1);
        assertThat(get("/deliveries/" + listed.path("deliveryId").asText(), 200).path("attempts"))
                .hasSize(3);
        new Webhook(endpoint.path("secret").asText())
                .verify(
                        receiver.requests().get(0).body(),
                        receiver.requests().get(0).headers());
    }

    @Test
    void aWaitingDeliverySaysWhenItsNextAttemptIs() throws Exception {
        receiver.answers(Receiver.with(500, ""));
        createEndpoint("\"redeliveryPolicy\": {\"redeliveryDelay\": 3600000}");
        String eventId = post("/events", event("{}"), 202).path("eventId").asText();
        await().until(() -> {
            JsonNode delivery = deliveries("eventId=" + eventId).get(0);
            return delivery.path("failures").asInt() == 1
                    && delivery.path("nextAttemptAt")
                                    .asText()
                                    .compareTo(delivery.path("createdAt").asText())
                            > 0;
        });
    }

    @Test
    void deliveriesAreATableForPeopleToo() throws Exception {
        receiver.answers(Receiver.with(503, ""));
        JsonNode endpoint = createEndpoint(
                "\"redeliveryPolicy\": {\"delayPattern\": \"1:0;2:3600000\", \"maximumRedeliveries\": 5}");
        post("/events", event("{}"), 202);
        String query = "endpointId=" + endpoint.path("endpointId").asText();
        await().until(() -> deliveries(query).at("/0/attemptCount").asInt() == 2);
        await().until(() -> deliveries(query).at("/0/status").asText().equals("queued"));
        Answer table = APPLICATION.call("GET", "/v1/deliveries?format=text&" + query, null);
        assertThat(table.headers().firstValue("content-type").orElse("")).startsWith("text/plain");
        String[] lines = table.body().split("\n");
        assertThat(lines).hasSize(2);
        assertThat(lines[0]).startsWith("DELIVERY").contains("ANSWERS", "NEXT ATTEMPT");
        JsonNode listed = deliveries(query).get(0);
        assertThat(lines[1])
                .contains(type + "  queued  503 503  ")
                .contains(listed.path("nextAttemptAt").asText())
                .endsWith("answered 503");
        assertThat(lines[1].indexOf("queued")).isEqualTo(lines[0].indexOf("STATUS"));
    }

    @Test
    void theSecretIsShownOnceAndKeptNowhereInPlain() throws Exception {
        String body = endpoint("\"headers\": {\"authorization\": \"Bearer of-the-customer\"}");
        JsonNode created = APPLICATION
                .call("POST", "/v1/endpoints", body, "Idempotency-Key", type)
                .json();
        String secret = created.path("secret").asText();
        assertThat(secret).startsWith("whsec_");
        assertThat(created.at("/headers/authorization").asText()).isEqualTo("***");
        JsonNode again = APPLICATION
                .call("POST", "/v1/endpoints", body, "Idempotency-Key", type)
                .json();
        assertThat(again.path("endpointId")).isEqualTo(created.path("endpointId"));
        assertThat(get("/endpoints/" + created.path("endpointId").asText(), 200).has("secret"))
                .isFalse();
        for (String table : EVERYTHING.queryForList(
                "select table_name::text from information_schema.tables where table_schema = 'postrider' and table_type ="
                        + " 'BASE TABLE'",
                String.class)) {
            assertThat(EVERYTHING.queryForObject(
                            "select coalesce(string_agg(t::text, ''), '') from postrider.%s t".formatted(table),
                            String.class))
                    .as(table)
                    .doesNotContain(secret.substring("whsec_".length()), "of-the-customer");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "ftp://example.com/, https",
        "http://user:pw@127.0.0.1/, password",
        "http://[::1]:9/, internal address",
        "http://10.0.0.1/, internal address",
        "http://169.254.169.254/latest, internal address"
    })
    void anEndpointThatCannotBeReachedIsRefusedWithTheReason(String url, String reason) throws Exception {
        String body = "{\"url\": \"%s\", \"eventTypes\": [\"*\"]}".formatted(url);
        JsonNode problem = post("/endpoints", body, 400);
        assertThat(problem.path("detail").asText()).startsWith("url: ").contains(reason);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"headers\": {\"webhook-id\": \"x\"}",
                "\"redeliveryPolicy\": {\"maximumRedeliveries\": -1}",
                "\"redeliveryPolicy\": {\"delayPattern\": \"soon\"}",
                "\"redeliveryPolicy\": {\"asyncDelayedRedelivery\": true}",
                "\"timeout\": 1",
                "\"secret\": \"whsec_mine\""
            })
    void anEndpointWithWhatCannotBeKeptIsRefused(String property) throws Exception {
        post("/endpoints", endpoint(property), 400);
    }

    @Test
    void anEndpointIsChangedPieceByPieceAndDeletedSoftly() throws Exception {
        String path = "/endpoints/"
                + createEndpoint("\"description\": \"first\", \"timeout\": 5000")
                        .path("endpointId")
                        .asText();
        JsonNode changed = call("PATCH", path, "{\"description\": null, \"enabled\": false}", 200);
        assertThat(changed.path("description").isNull()).isTrue();
        assertThat(changed.path("timeout").asInt()).isEqualTo(5000);
        assertThat(changed.path("enabled").asBoolean()).isFalse();
        assertThat(post("/events", event("{}"), 202).path("deliveries").asInt())
                .as("a disabled endpoint gets nothing")
                .isZero();
        call("PATCH", path, "{\"url\": \"http://[::1]/\"}", 400);
        call("PATCH", path, "{}", 400);
        call("DELETE", path, "", 204);
        get(path, 404);
        call("DELETE", path, "", 404);
        assertThat(get("/system-events?type=endpoint.deleted", 200)
                        .path("items")
                        .toString())
                .contains(path.substring(path.lastIndexOf('/') + 1));
    }

    @Test
    void anotherWorkspaceSeesAndChangesNothing() throws Exception {
        String endpoint = "/endpoints/" + createEndpoint("").path("endpointId").asText();
        String event =
                "/events/" + post("/events", event("{}"), 202).path("eventId").asText();
        await().until(() -> receiver.requests().size() == 1);
        String delivery =
                "/deliveries/" + get(event, 200).at("/deliveries/0/deliveryId").asText();
        String stranger = APPLICATION.newKey(APPLICATION.newWorkspace());
        for (String path : List.of(endpoint, event, delivery)) {
            assertThat(APPLICATION.send(stranger, "GET", "/v1" + path, null).status())
                    .as(path)
                    .isEqualTo(404);
        }
        assertThat(APPLICATION
                        .send(stranger, "PATCH", "/v1" + endpoint, "{\"enabled\": false}")
                        .status())
                .isEqualTo(404);
        assertThat(APPLICATION.send(stranger, "DELETE", "/v1" + endpoint, null).status())
                .isEqualTo(404);
        for (String list : List.of("/endpoints", "/events", "/deliveries")) {
            assertThat(APPLICATION
                            .send(stranger, "GET", "/v1" + list, null)
                            .json()
                            .path("items"))
                    .as(list)
                    .isEmpty();
        }
    }

    @Test
    void theSameEventKeyIsTheSameEvent() throws Exception {
        createEndpoint("");
        String body = "{\"eventType\": \"%s\", \"payload\": {\"n\": %d}, \"eventKey\": \"%s\"}";
        JsonNode first = post("/events", body.formatted(type, 1, type), 202);
        assertThat(post("/events", body.formatted(type, 1, type), 202)).isEqualTo(first);
        post("/events", body.formatted(type, 2, type), 409);
        await().until(() -> deliveries("eventId=" + first.path("eventId").asText() + "&status=completed")
                        .size()
                == 1);
        assertThat(receiver.requests()).hasSize(1);
    }

    @Test
    void theDemosReceiverIsReachedAlthoughItIsOnLoopback() throws Exception {
        String url = APPLICATION.url("/demo/receiver");
        post("/endpoints", "{\"url\": \"%s\", \"eventTypes\": [\"%s\"]}".formatted(url, type), 201);
        String gone = "{\"url\": \"%s?status=410\", \"eventTypes\": [\"%s\"]}".formatted(url, type);
        String goneId = post("/endpoints", gone, 201).path("endpointId").asText();
        String eventId = post("/events", event("{}"), 202).path("eventId").asText();
        await().until(() ->
                deliveries("eventId=" + eventId + "&status=completed").size() == 1);
        await().until(() -> deliveries("eventId=" + eventId + "&status=dead").size() == 1);
        assertThat(get("/endpoints/" + goneId, 200).path("disabledReason").asText())
                .contains("410");
    }

    @Test
    void aRoutePublishesWithTheEventSink() throws Exception {
        createEndpoint("");
        Exchange sent =
                camel.request("kamelet:event-sink?eventType=" + type + "&eventKey=key-of-${body[n]}", exchange -> {
                    exchange.setProperty("workspaceId", RunningApplication.WORKSPACE.toString());
                    exchange.getMessage().setBody(java.util.Map.of("n", 7));
                });
        assertThat(sent.getException()).isNull();
        String eventId = sent.getProperty("publishedEventId", String.class);
        await().until(() -> receiver.requests().size() == 1);
        assertThat(receiver.requests().get(0).header("webhook-id")).isEqualTo(eventId);
        assertThat(JSON.readTree(receiver.requests().get(0).body())
                        .at("/data/n")
                        .asInt())
                .isEqualTo(7);
        assertThat(EVERYTHING.queryForObject(
                        "select event_key from postrider.event_keys where event_id = ?::uuid", String.class, eventId))
                .isEqualTo("key-of-7");
    }

    @Test
    void otherHttpCallsGetNothingOfDeliveries() {
        // Camel would hand a lone bean of the right type to every endpoint of the component.
        HttpComponent http = camel.getCamelContext().getComponent("http", HttpComponent.class);
        assertThat(http.getHttpActivityListener()).isNull();
        assertThat(http.getHttpClientConfigurer()).isNull();
    }

    private JsonNode createEndpoint(String properties) throws Exception {
        return post("/endpoints", endpoint(properties), 201);
    }

    private String endpoint(String properties) {
        return "{\"url\": \"%s\", \"eventTypes\": [\"%s\"]%s}"
                .formatted(receiver.url(), type, properties.isEmpty() ? "" : ", " + properties);
    }

    private String event(String payload) {
        return "{\"eventType\": \"%s\", \"payload\": %s}".formatted(type, payload);
    }

    private JsonNode deliveries(String query) throws Exception {
        return get("/deliveries?" + query, 200).path("items");
    }

    private JsonNode get(String path, int status) throws Exception {
        return call("GET", path, "", status);
    }

    private JsonNode post(String path, String body, int status) throws Exception {
        return call("POST", path, body, status);
    }

    private JsonNode call(String method, String path, String body, int status) {
        Answer answer = APPLICATION.call(method, "/v1" + path, body.isEmpty() ? null : body);
        assertThat(answer.status()).as(answer.body()).isEqualTo(status);
        return answer.body().isEmpty() ? JSON.getNodeFactory().nullNode() : answer.json();
    }
}
