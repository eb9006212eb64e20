package dev.postrider.outbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of an answer is stored. */
class KeptAnswerTest {

    private static final String TOKEN = "s3cret/token\"of-16";

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            you sent Bearer s3cret/token"of-16, twice: s3cret/token"of-16 | you sent ***, twice: ***
            {"token": "s3cret/token\\"of-16"}                             | {"token": "***"}
            {"token": "s3cret\\/token\\"of-16"}                           | {"token": "***"}
            staging is all right                                          | staging is all right
            """)
    void theValuesOfAnEndpointsOwnHeadersAreNotStoredWhenItSendsThemBack(String body, String stored) {
        KeptAnswer kept = KeptAnswer.of(new DeliveryResponse(200, Map.of("x-echo", TOKEN), body, false), request());
        assertThat(kept.body()).isEqualTo(stored);
        assertThat(kept.headers()).containsExactly(Map.entry("x-echo", "***"));
        assertThat(kept.cut()).isFalse();
    }

    @Test
    void aBodyThatWasCutWithinASecretDoesNotEndWithItsBeginning() {
        DeliveryResponse cut = new DeliveryResponse(200, Map.of(), "you sent " + TOKEN.substring(0, 12), true);
        assertThat(KeptAnswer.of(cut, request()).body()).isEqualTo("you sent ***");
    }

    @Test
    void ofManyLongHeadersOnlyABeginningIsStoredAndSaysSo() {
        Map<String, String> headers = new TreeMap<>();
        for (int i = 10; i < 100; i++) {
            headers.put("x-" + i, "😀".repeat(4_000));
        }
        KeptAnswer kept = KeptAnswer.of(new DeliveryResponse(200, headers, "", false), request());
        assertThat(kept.cut()).isTrue();
        assertThat(kept.headers().keySet()).containsExactly("x-10", "x-11", "x-12");
        assertThat(kept.headers().get("x-10")).isEqualTo("😀".repeat(4_000));
        assertThat(kept.headers().get("x-12")).isEqualTo("😀".repeat(186) + "…");
    }

    private static DeliveryRequest request() {
        return new DeliveryRequest(
                URI.create("https://example.com/"),
                Map.of("Authorization", "Bearer " + TOKEN, "X-Environment", "staging", "webhook-id", "a-public-id"),
                Set.of("Authorization", "X-Environment"),
                "{}",
                null,
                Duration.ofSeconds(1));
    }
}
