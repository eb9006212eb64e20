package dev.postrider.inbound;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** Replaces what JSON may hold and PostgreSQL's jsonb may not: U+0000, and halves of surrogate pairs. */
final class StorableText {

    /** An escaped U+0000, unless its backslash is itself escaped. */
    private static final Pattern NUL = Pattern.compile("(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000");

    private StorableText() {}

    static String of(String json) {
        String text = json.contains("\\u0000") ? NUL.matcher(json).replaceAll("$1\uFFFD") : json;
        // Encoding replaces what is no character by a question mark.
        return isWellFormed(text) ? text : new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }

    /** Whether each half of a surrogate pair has its other half; to ask an encoder takes ten times as long. */
    private static boolean isWellFormed(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (!Character.isHighSurrogate(text.charAt(i))
                        || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return false;
                }
                i++;
            }
        }
        return true;
    }
}
