package dev.postrider.outbound;

import dev.postrider.secrets.SecretBox;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/** Seals what an endpoint keeps secret, its signing secret and the values of its headers, and opens it to deliver. */
final class EndpointSecrets {

    private final SecretBox box;

    EndpointSecrets(SecretBox box) {
        this.box = box;
    }

    byte[] sealSecret(UUID workspaceId, String secret) {
        return box.seal(workspaceId, SecretBox.ENDPOINT, secret);
    }

    String openSecret(UUID workspaceId, byte[] sealed) {
        return box.open(workspaceId, SecretBox.ENDPOINT, sealed);
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
