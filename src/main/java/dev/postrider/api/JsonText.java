package dev.postrider.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.springframework.stereotype.Component;

/** Writes a message body as JSON text, for the SQL that routes call; the bean {@code json}. */
@Component("json")
public class JsonText {

    private final ObjectMapper mapper;

    public JsonText(ObjectMapper mapper) {
        this.mapper = mapper;
    }

    /**
     * @param body any body that Jackson can write; nothing at all becomes an empty object
     * @throws JsonProcessingException if Jackson cannot write it
     */
    public String write(Object body) throws JsonProcessingException {
        return body == null ? "{}" : mapper.writeValueAsString(body);
    }

    /**
     * An answer as it may be kept: what is shown once means once.
     *
     * @param answer a JSON object as text; nothing stays nothing
     * @throws JsonProcessingException if it is none
     */
    public String withoutSecrets(String answer) throws JsonProcessingException {
        return answer == null || answer.isEmpty()
                ? ""
                : ((ObjectNode) mapper.readTree(answer))
                        .remove(List.of("secret", "apiKey"))
                        .toString();
    }
}
