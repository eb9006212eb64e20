package dev.postrider.secrets;

import com.google.crypto.tink.Aead;
import com.google.crypto.tink.InsecureSecretKeyAccess;
import com.google.crypto.tink.KeysetHandle;
import com.google.crypto.tink.RegistryConfiguration;
import com.google.crypto.tink.aead.AeadConfig;
import com.google.crypto.tink.aead.AesGcmKey;
import com.google.crypto.tink.aead.AesGcmParameters;
import com.google.crypto.tink.subtle.Hkdf;
import com.google.crypto.tink.util.SecretBytes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.UUID;

/**
 * Encrypts the secrets that are kept in the database, each bound to its workspace and purpose.
 *
 * <p>AES-256-GCM by Tink. A sealed secret that is copied to another workspace, or used for another purpose, does not
 * open. Every sealed secret starts with the id of its key (Tink's prefix), so that two keys can be held while one
 * replaces the other. Immutable and safe for any thread.
 */
public final class SecretBox {

    private static final int KEY_BYTES = 32;

    private final Aead aead;

    /**
     * @param encryptionKey the setting {@code postrider.encryption-key}: 32 bytes. What encrypts is derived from it,
     *     because passwords are derived from it too, and one key serves one algorithm.
     */
    public SecretBox(byte[] encryptionKey) {
        if (encryptionKey.length != KEY_BYTES) {
            throw new IllegalArgumentException(
                    "The encryption key has %d bytes; it has to have %d.".formatted(encryptionKey.length, KEY_BYTES));
        }
        try {
            AeadConfig.register();
            byte[] key = derive(encryptionKey, "postrider secrets at rest", KEY_BYTES);
            // Positive, as Tink asks; derived, so that every node names the same key alike.
            int keyId = ByteBuffer.wrap(derive(encryptionKey, "postrider secrets at rest: key id", Integer.BYTES))
                            .getInt()
                    | 1 << 30;
            AesGcmKey aes = AesGcmKey.builder()
                    .setParameters(AesGcmParameters.builder()
                            .setKeySizeBytes(KEY_BYTES)
                            .setIvSizeBytes(12)
                            .setTagSizeBytes(16)
                            .setVariant(AesGcmParameters.Variant.TINK)
                            .build())
                    .setKeyBytes(SecretBytes.copyFrom(key, InsecureSecretKeyAccess.get()))
                    .setIdRequirement(keyId)
                    .build();
            aead = KeysetHandle.newBuilder()
                    .addEntry(KeysetHandle.importKey(aes).withFixedId(keyId).makePrimary())
                    .build()
                    .getPrimitive(RegistryConfiguration.get(), Aead.class);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has AES-GCM and HMAC-SHA-256", e);
        }
    }

    /** Encrypts a secret; the same secret never looks the same twice. */
    public byte[] seal(UUID workspaceId, String purpose, String secret) {
        try {
            return aead.encrypt(secret.getBytes(StandardCharsets.UTF_8), owner(workspaceId, purpose));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(
                    "The secret (%s) of workspace %s cannot be encrypted.".formatted(purpose, workspaceId), e);
        }
    }

    /**
     * Decrypts what {@link #seal} made for the same workspace and purpose.
     *
     * @throws UnreadableSecretException when it was sealed with another key, for another owner, or was changed
     */
    public String open(UUID workspaceId, String purpose, byte[] sealed) {
        try {
            return new String(aead.decrypt(sealed, owner(workspaceId, purpose)), StandardCharsets.UTF_8);
        } catch (GeneralSecurityException e) {
            throw new UnreadableSecretException(workspaceId, purpose, e);
        }
    }

    private static byte[] owner(UUID workspaceId, String purpose) {
        return (workspaceId + " " + purpose).getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] derive(byte[] key, String what, int bytes) throws GeneralSecurityException {
        return Hkdf.computeHkdf("HmacSha256", key, new byte[0], what.getBytes(StandardCharsets.UTF_8), bytes);
    }
}
