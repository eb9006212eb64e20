package dev.postrider.mail;

import jakarta.mail.internet.ContentType;
import jakarta.mail.internet.ParseException;
import java.util.List;
import java.util.Map;

/**
 * A row of {@code read-mail-assets.sql}: what the workspace has for something that a mail wants.
 *
 * @param part {@code attachment} or {@code template}
 * @param wanted the id or name
 * @param name null if there is no such asset
 * @param content null too if it is too large
 * @param together the bytes of all attachments
 */
record MailAsset(String part, String wanted, String name, String mediaType, byte[] content, long together) {

    /** Code points. */
    private static final int LONGEST_NAME = 60;

    private static final int LONGEST_EXTENSION = 10;
    private static final String UNKNOWN_TYPE = "application/octet-stream";

    static List<MailAsset> all(List<?> rows) {
        return rows.stream().map(row -> of((Map<?, ?>) row)).toList();
    }

    private static MailAsset of(Map<?, ?> row) {
        return new MailAsset(
                (String) row.get("part"),
                (String) row.get("wanted"),
                (String) row.get("name"),
                (String) row.get("media_type"),
                (byte[]) row.get("content"),
                row.get("together") instanceof Number bytes ? bytes.longValue() : 0);
    }

    boolean isOf(String kind) {
        return part.equals(kind);
    }

    boolean isThere() {
        return name != null;
    }

    /** As a mail can have it: what would make a mail or parts of the content is left out, since the content is not read. */
    String contentType() {
        try {
            String kind = new ContentType(mediaType).getPrimaryType();
            return kind.matches("(?i)multipart|message") ? UNKNOWN_TYPE : mediaType;
        } catch (ParseException e) {
            return UNKNOWN_TYPE;
        }
    }

    /** What stands behind the last slash, in one line, and so short that encoded it fits into a line of a mail. */
    String fileName() {
        String last = name.substring(name.lastIndexOf('/') + 1).replaceAll("\\p{Cntrl}", "_");
        if (last.codePointCount(0, last.length()) > LONGEST_NAME) {
            int dot = last.lastIndexOf('.');
            String extension = dot > 0 && last.length() - dot <= LONGEST_EXTENSION ? last.substring(dot) : "";
            last = last.substring(0, last.offsetByCodePoints(0, LONGEST_NAME - LONGEST_EXTENSION)) + extension;
        }
        return last.isBlank() ? "attachment" : last;
    }
}
