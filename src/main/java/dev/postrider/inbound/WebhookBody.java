package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A webhook's body, parsed: JSON, or a form, whose fields become those of an object. */
final class WebhookBody {

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
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
        return parsed;
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
