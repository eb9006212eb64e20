package dev.postrider.secrets;

import java.util.UUID;

/** Says that a stored secret cannot be decrypted, and what to do about it. */
public class UnreadableSecretException extends RuntimeException {

    UnreadableSecretException(UUID workspaceId, String purpose, Throwable cause) {
        super(
                ("The stored secret (%s) of workspace %s cannot be decrypted with this postrider.encryption-key. Give the key"
                                + " that it was encrypted with, or store the secret again.")
                        .formatted(purpose, workspaceId),
                cause);
    }
}
