package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.secrets.SecretBox;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/** Seals what an endpoint keeps secret, its keys and the values of its headers, and opens it to deliver. */
final class EndpointSecrets {

    private final SecretBox box;
    private final ObjectMapper json;

    EndpointSecrets(SecretBox box, ObjectMapper json) {
        this.box = box;
        this.json = json;
    }

    /** A secret alone is sealed as it is, anything more as JSON. */
    byte[] sealKeys(UUID workspaceId, EndpointKeys keys) throws JsonProcessingException {
        boolean alone = keys.retired().isEmpty() && keys.clientCertificate() == null;
        return box.seal(workspaceId, SecretBox.ENDPOINT, alone ? keys.secret() : json.writeValueAsString(keys));
    }

    EndpointKeys openKeys(UUID workspaceId, byte[] sealed) throws JsonProcessingException {
        String opened = box.open(workspaceId, SecretBox.ENDPOINT, sealed);
        return opened.startsWith("{") ? json.readValue(opened, EndpointKeys.class) : EndpointKeys.of(opened);
    }

    /** Values sealed, in base64 for JSON; bound to their header's name. */
    Map<String, String> sealHeaders(UUID workspaceId, Map<String, String> headers) {
        Map<String, String> sealed = new TreeMap<>();
        headers.forEach((name, value) -> sealed.put(
                name, Base64.getEncoder().encodeToString(box.seal(workspaceId, SecretBox.HEADER + name, value))));
        return sealed;
    }

    Map<String, String> openHeaders(UUID workspaceId, Map<String, String> sealed) {
        Map<String, String> headers = new TreeMap<>();
        sealed.forEach((name, value) -> headers.put(
                name,
                box.open(
                        workspaceId,
                        SecretBox.HEADER + name,
                        Base64.getDecoder().decode(value))));
        return headers;
    }
}
