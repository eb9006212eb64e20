package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.queue.DurableRedeliveryPolicy;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an endpoint may be given: url, headers, redelivery policy; and what it may ask for with Retry-After. */
class EndpointRulesTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ftp://example.com/", "file:///etc/passwd", "https://user:password@example.com/", "https:///path",
                "https://127.1/", "https://example.com/{{env:HOME}}", "https://example.com/a b", "example.com",
                "https://example.com:70000/", "https://example.com/#fragment", "https://bücher.example/",
                        "https://example.com/café/→",
                "https://a_b.example/", ""
            })
    void aUrlThatNothingCanBeDeliveredToIsRefused(String url) {
        assertThatThrownBy(() -> EndpointUrl.parse(url)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "https://example.com/café/→, Percent-encode",
        "https://example.com/a b, Percent-encode",
        "https://bücher.example/, xn--",
        "https://a_b.example/, underscore"
    })
    void aUrlIsRefusedWithWhatToDo(String url, String words) {
        assertThatThrownBy(() -> EndpointUrl.parse(url)).hasMessageContaining(words);
    }

    @Test
    void theDefaultPortsAreThoseOfTheSchemes() {
        assertThat(EndpointUrl.portOf(EndpointUrl.parse("https://example.com/")))
                .isEqualTo(443);
        assertThat(EndpointUrl.portOf(EndpointUrl.parse("http://example.com"))).isEqualTo(80);
        assertThat(EndpointUrl.portOf(EndpointUrl.parse("http://example.com:8080/")))
                .isEqualTo(8080);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "webhook-id", "Webhook-Signature", "HOST", "Content-Length", "content-type", "Transfer-Encoding",
                "Connection", "User-Agent", "Proxy-Authorization", "X-Forwarded-For", "not a name", ""
            })
    void aHeaderThatPostriderSetsCannotBeGiven(String name) {
        assertThatThrownBy(() -> CustomHeaders.verify(Map.of(name, "x"))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aHeaderCannotSmuggleAnother() {
        assertThatThrownBy(() -> CustomHeaders.verify(Map.of("x-own", "a\r\nwebhook-id: b")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anEndpointsPolicyIsLaidOverTheDefault() throws JsonProcessingException {
        DurableRedeliveryPolicy base = new DurableRedeliveryPolicy();
        base.setDelayPattern("1:5000;2:300000");
        base.setUseCollisionAvoidance(false);
        String own = "{\"redeliveryDelay\": 100, \"backOffMultiplier\": 2, \"maximumRedeliveries\": 3}";
        DurableRedeliveryPolicy policy = EndpointPolicy.over(base, JSON.readTree(own));
        assertThat(policy.delayAfter(3)).isEqualTo(400);
        assertThat(policy.isExhausted(3, 0)).isFalse();
        assertThat(policy.isExhausted(4, 0)).isTrue();
        assertThat(base.delayAfter(2)).as("the default is untouched").isEqualTo(300_000);
        assertThat(EndpointPolicy.over(base, JSON.readTree("{\"maximumRedeliveries\": 1}"))
                        .delayAfter(1))
                .as("only what is named differs")
                .isEqualTo(5_000);
    }

    @ParameterizedTest
    @CsvSource({"120, 120000", "0, 0", "'Thu, 01 Jan 2026 00:00:30 GMT', 30000", "'Wed, 31 Dec 2025 00:00:00 GMT', 0"})
    void retryAfterIsSecondsOrADate(String value, long milliseconds) {
        assertThat(RetryAfter.parse(value, NOW)).hasValue(milliseconds);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "soon", "-1", "1.5", "99999999999999999999"})
    void anythingElseIsNoRetryAfter(String value) {
        assertThat(RetryAfter.parse(value, NOW)).isEmpty();
    }
}
