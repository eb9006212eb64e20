package dev.postrider.inbound;

import java.util.Map;
import java.util.UUID;

/**
 * The source that a webhook came in at, as the database knows it.
 *
 * @param sourceId its id
 * @param workspaceId whose it is
 * @param provider the provider, hence the route that takes over
 * @param sealedSecrets the live secrets, encrypted
 * @param enabled false while it is paused
 */
record WebhookSource(UUID sourceId, UUID workspaceId, String provider, byte[] sealedSecrets, boolean enabled) {

    static WebhookSource of(String provider, Map<?, ?> row) {
        return new WebhookSource(
                (UUID) row.get("source_id"),
                (UUID) row.get("workspace_id"),
                provider,
                (byte[]) row.get("secrets"),
                Boolean.TRUE.equals(row.get("enabled")));
    }
}
