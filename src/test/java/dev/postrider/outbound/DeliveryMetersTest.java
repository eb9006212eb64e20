package dev.postrider.outbound;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Receiver;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every attempt is counted under what came of it. */
class DeliveryMetersTest extends OutboundTest {

    private static final MeterRegistry METERS = APPLICATION.bean(MeterRegistry.class);
    private static final String ONCE = "{\"maximumRedeliveries\": 0}";

    private final EndpointSecrets secrets = APPLICATION.bean(EndpointSecrets.class);
    private Workspace workspace;

    @BeforeEach
    void create() {
        workspace = Workspace.create(EVERYTHING, secrets);
    }

    @ParameterizedTest
    @CsvSource({
        "200, delivered",
        "204, delivered",
        "302, refused",
        "500, refused",
        "429, busy",
        "503, busy",
        "410, gone"
    })
    void anAnswerCountsByItsStatus(int status, String outcome) {
        try (Receiver receiver = Receiver.start()) {
            receiver.answers(Receiver.with(status, ""));
            endpoint(receiver.url());
            assertCounted(outcome);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "http://[::1]:1/, blocked",
        "http://127.0.0.1:1/, blocked",
        "http://127.0.0.1:65535/, unreachable",
        "http://nowhere.invalid/, unresolved"
    })
    void whatGetsNoAnswerCountsByItsReason(String url, String outcome) {
        endpoint(url);
        assertCounted(outcome);
    }

    @Test
    void anAnswerThatDoesNotEndIsATimeout() {
        try (Receiver receiver = Receiver.start()) {
            receiver.answers(receiver.neverEnding("first"));
            endpoint(receiver.url());
            assertCounted("timeout");
        }
    }

    @Test
    void aRequestThatCannotBeMadeIsUnsendable() throws Exception {
        UUID endpoint = endpoint("http://127.0.0.1:1/");
        workspace.update(
                endpoint,
                "secret = ?",
                secrets.sealKeys(UUID.randomUUID(), EndpointKeys.of(WebhookSignature.newSecret())));
        assertCounted("unsendable");
    }

    private UUID endpoint(String url) {
        return workspace.endpoint(url, WebhookSignature.newSecret(), ONCE, Map.of(), 300);
    }

    private void assertCounted(String outcome) {
        double before = count(outcome);
        workspace.publish("invoice.paid", "{}");
        await().until(() -> workspace.rows("task_history").size()
                        + workspace.rows("dead_letters").size()
                == 1);
        assertThat(count(outcome)).isGreaterThan(before);
    }

    private static double count(String outcome) {
        return METERS.get("postrider.delivery")
                .tag("outcome", outcome)
                .counter()
                .count();
    }
}
