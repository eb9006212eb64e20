package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A webhook's body, parsed: JSON, or a form, whose fields become those of an object. */
final class WebhookBody {

    /** Far below what else there is on the way to the database and back: all that takes this takes what is around it, too. */
    private static final int DEEPEST = 500;
    /** What a double may hold, hence everybody else. Written out, a number with a larger exponent would fill the memory. */
    private static final int LARGEST_EXPONENT = 308;

    /** Keeps the digits of a number as they are. */
    private static final ObjectMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(DEEPEST)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();
    /** Some providers send their JSON as the only field of a form (Slack, GitHub if told so). */
    private static final String PAYLOAD = "payload";

    private WebhookBody() {}

    /** @throws IOException saying for people what is wrong with the body */
    static JsonNode read(WebhookRequest request) throws IOException {
        return request.isForm() ? form(request.body()) : json(request.body());
    }

    private static JsonNode json(byte[] body) throws IOException {
        JsonNode parsed;
        try {
            parsed = JSON.readTree(body);
        } catch (JsonProcessingException e) {
            throw new IOException("the body is not JSON (%s)".formatted(e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw new IOException("the body is not JSON (%s)".formatted(e.getMessage()), e);
        }
        if (parsed == null || parsed.isMissingNode()) {
            throw new IOException("the body is empty");
        }
        if (hasHugeNumber(parsed)) {
            throw new IOException("a number of the body has an exponent beyond %d".formatted(LARGEST_EXPONENT));
        }
        return parsed;
    }

    private static boolean hasHugeNumber(JsonNode node) {
        if (node.isBigDecimal()) {
            BigDecimal number = node.decimalValue();
            return Math.abs((long) number.precision() - number.scale()) > LARGEST_EXPONENT;
        }
        for (JsonNode child : node) {
            if (hasHugeNumber(child)) {
                return true;
            }
        }
        return false;
    }

    private static JsonNode form(byte[] body) throws IOException {
        Optional<Map<String, List<String>>> fields = FormBody.parse(body);
        if (fields.isEmpty()) {
            throw new IOException("the body is not the form that its Content-Type says");
        }
        if (fields.get().keySet().equals(Set.of(PAYLOAD))) {
            return json(fields.get().get(PAYLOAD).get(0).getBytes(StandardCharsets.UTF_8));
        }
        ObjectNode object = JSON.createObjectNode();
        fields.get().forEach((name, values) -> {
            if (values.size() == 1) {
                object.put(name, values.get(0));
            } else {
                object.set(name, JSON.valueToTree(values));
            }
        });
        return object;
    }
}
