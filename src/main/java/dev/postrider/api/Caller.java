package dev.postrider.api;

import java.util.Set;
import java.util.UUID;

/**
 * Who calls the API.
 *
 * @param keyId the key, for audit
 * @param workspaceId the workspace that the key opens; the nil UUID for an operator's
 * @param scopes {@code produce}, {@code inspect}
 */
public record Caller(UUID keyId, UUID workspaceId, Set<String> scopes) {

    private static final UUID NO_WORKSPACE = new UUID(0, 0);

    public boolean operator() {
        return workspaceId.equals(NO_WORKSPACE);
    }

    public boolean may(String scope) {
        return scopes.contains(scope);
    }

    /** As the audit trail names the caller. */
    public String actor() {
        return "api-key:" + keyId;
    }
}
