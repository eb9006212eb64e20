package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.secrets.SecretBox;
import java.util.List;
import java.util.UUID;

/** Seals and opens the signing secrets of a source: all of them in one box, because they change together. */
public final class SourceSecrets {

    private final SecretBox box;
    private final ObjectMapper json = new ObjectMapper();

    public SourceSecrets(SecretBox box) {
        this.box = box;
    }

    public byte[] seal(UUID workspaceId, List<String> secrets) {
        try {
            return box.seal(workspaceId, SecretBox.SOURCE, json.writeValueAsString(secrets));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A list of texts is always JSON", e);
        }
    }

    public List<String> open(UUID workspaceId, byte[] sealed) {
        try {
            return json.readValue(box.open(workspaceId, SecretBox.SOURCE, sealed), new TypeReference<>() {});
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(
                    "The secrets of a source of workspace %s are no list of texts; store them again."
                            .formatted(workspaceId));
        }
    }
}
