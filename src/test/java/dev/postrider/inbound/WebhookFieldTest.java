package dev.postrider.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WebhookFieldTest {

    private static final WebhookRequest REQUEST = new WebhookRequest(
            "POST",
            "https://example.com/webhooks/x/y?hub.challenge=42",
            Map.of("X-GitHub-Delivery", List.of("72d3162e")),
            new byte[0]);

    private final JsonNode body = new ObjectMapper()
            .readTree(
                    "{\"id\":\"evt_1\",\"created\":1700000000,\"none\":null,\"blank\":\"\",\"data\":{\"object\":{\"id\":\"in_1\"}}}");

    WebhookFieldTest() throws Exception {}

    @ParameterizedTest
    @CsvSource({
        "$.data.object.id, in_1",
        "$.created, 1700000000",
        "header:x-github-delivery, 72d3162e",
        "$.id and $.created, evt_1:1700000000",
        "$.id and $.missing | $.id, evt_1",
        "$.id ~ ^[^_]* and $.created ~ .$, evt:0",
        "$.id ~ x | $.data.object.id, in_1",
        "query:hub.challenge, 42",
        "$.missing.id | $.none | $.blank | header:absent | $.data | $.id | $.created, evt_1"
    })
    void yieldsTheFirstPlaceThatHasATextOrNumber(String expression, String value) {
        assertThat(WebhookField.parse("eventId", expression).read(REQUEST, body))
                .hasValue(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"$.missing", "$.none", "$.data", "header:absent", "", "$.id[3].x"})
    void yieldsNothingWhereThereIsNone(String expression) {
        assertThat(WebhookField.parse("eventId", expression).read(REQUEST, body))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "id",
                "$.items[*].id",
                "$..id",
                "header:",
                "$.id |",
                "$.[",
                "$.id and ",
                "$.id and id",
                "$.id ~ [",
                " ~ x",
                "query:"
            })
    void refusesWhatNamesNoSinglePlace(String expression) {
        assertThatThrownBy(() -> WebhookField.parse("refId", expression))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"refId\"");
    }

    @ParameterizedTest
    @CsvSource({
        "7, 7",
        "1700000000, 1700000000",
        "1.7E9, 1700000000",
        "1970-01-01T00:00:01.500Z, 1500",
        "2019-05-15T15:20:18+02:00, 1557926418000"
    })
    void readsAVersionFromANumberOrATime(String text, long version) {
        assertThat(StateVersion.parse(text)).hasValue(version);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "soon",
                "1.5",
                "1e400",
                "9223372036854775808",
                "2019-05-15",
                "1e-999999999",
                "+999999999-12-31T23:59:59Z",
                "-999999999-01-01T00:00:00Z",
                "+10000-01-01T00:00:00Z",
                "0000-12-31T23:59:59Z",
                ""
            })
    void findsNoVersionInAnythingElse(String text) {
        assertThat(StateVersion.parse(text)).isEmpty();
    }

    @Test
    void readsAMomentFromSecondsOrATime() {
        assertThat(StateVersion.moment("1531420618.000100")).hasValue(Instant.parse("2018-07-12T18:36:58.000100Z"));
        assertThat(StateVersion.moment("2019-05-15T15:20:18Z")).hasValue(Instant.parse("2019-05-15T15:20:18Z"));
        assertThat(StateVersion.moment("1e999999999")).isEmpty();
        assertThat(StateVersion.moment("yesterday")).isEmpty();
        assertThat(StateVersion.moment("9999-12-31T23:59:59Z")).isPresent();
        assertThat(StateVersion.moment("9999-12-31T23:59:59-01:00")).isEmpty();
    }
}
