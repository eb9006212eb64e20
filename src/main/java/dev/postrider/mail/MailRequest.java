package dev.postrider.mail;

import jakarta.mail.internet.InternetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What the payload of a task asks for, checked.
 *
 * @param from empty: the sender of the settings
 * @param subject empty only with a template
 * @param text empty with a template, or if there is only HTML
 * @param template a name that leads nowhere but to a file of that name
 * @param data what the template's variables stand for
 * @param attachments ids or names of the workspace's assets
 */
record MailRequest(
        List<InternetAddress> to,
        List<InternetAddress> cc,
        List<InternetAddress> bcc,
        List<InternetAddress> replyTo,
        Optional<InternetAddress> from,
        Optional<String> subject,
        Optional<String> text,
        Optional<String> html,
        Optional<String> template,
        Map<?, ?> data,
        List<String> attachments) {

    private static final Set<String> FIELDS =
            Set.of("to", "cc", "bcc", "replyTo", "from", "subject", "text", "html", "template", "data", "attachments");
    private static final Pattern TEMPLATE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,99}");
    private static final int MOST_ATTACHMENTS = 100;
    /** So that a word without a space fits into a line of a mail, which has at most 998 (RFC 5322). */
    private static final int LONGEST_SUBJECT = 900;

    /**
     * @param payload as it was parsed
     * @throws UnsendableMail if it cannot become a mail; the reason begins with the name of the field
     */
    static MailRequest of(Object payload) throws UnsendableMail {
        if (!(payload instanceof Map<?, ?> fields)) {
            throw new UnsendableMail("the payload is no object with the fields of a mail");
        }
        for (Object field : fields.keySet()) {
            if (!FIELDS.contains(field)) {
                throw new UnsendableMail(
                        "%s is no field of a mail; those are %s".formatted(field, new TreeSet<>(FIELDS)));
            }
        }
        MailRequest request = new MailRequest(
                addresses(fields, "to"),
                addresses(fields, "cc"),
                addresses(fields, "bcc"),
                addresses(fields, "replyTo"),
                addresses(fields, "from").stream().findFirst(),
                text(fields, "subject"),
                text(fields, "text"),
                text(fields, "html"),
                text(fields, "template"),
                data(fields),
                texts(fields, "attachments"));
        request.check(fields);
        return request;
    }

    private void check(Map<?, ?> fields) throws UnsendableMail {
        if (to.isEmpty() && cc.isEmpty() && bcc.isEmpty()) {
            throw new UnsendableMail("to: no recipient is given, nor one in cc or bcc");
        }
        if (fields.get("from") instanceof List) {
            throw new UnsendableMail("from is one address, not a list");
        }
        if (template.isPresent()) {
            if (text.isPresent() || html.isPresent()) {
                throw new UnsendableMail("template: give either a template, or text and html");
            }
            if (!TEMPLATE.matcher(template.get()).matches()) {
                throw new UnsendableMail("template is a name of letters, digits, - and _");
            }
        } else if (text.isEmpty() && html.isEmpty()) {
            throw new UnsendableMail("text: the mail is empty; give text, html or a template");
        } else if (subject.isEmpty()) {
            throw new UnsendableMail("subject is missing");
        } else if (fields.get("data") != null) {
            throw new UnsendableMail("data is for a template, and none is given");
        }
        if (subject.isPresent()) {
            checkSubject(subject.get(), "subject");
        }
        if (attachments.size() > MOST_ATTACHMENTS) {
            throw new UnsendableMail("attachments: more than %d".formatted(MOST_ATTACHMENTS));
        }
    }

    /** Whatever ends the line of a header begins another one. */
    static void checkSubject(String subject, String name) throws UnsendableMail {
        if (subject.chars().anyMatch(Character::isISOControl)) {
            throw new UnsendableMail(name + " holds a line break or another control character");
        }
        if (subject.length() > LONGEST_SUBJECT) {
            throw new UnsendableMail("%s is longer than %d characters".formatted(name, LONGEST_SUBJECT));
        }
    }

    private static List<InternetAddress> addresses(Map<?, ?> fields, String name) throws UnsendableMail {
        List<InternetAddress> addresses = new ArrayList<>();
        for (String address : texts(fields, name)) {
            try {
                addresses.add(Addresses.parse(address));
            } catch (IllegalArgumentException e) {
                throw new UnsendableMail(name + " " + e.getMessage());
            }
        }
        return List.copyOf(addresses);
    }

    /** One text or a list of them. */
    private static List<String> texts(Map<?, ?> fields, String name) throws UnsendableMail {
        Object value = fields.get(name);
        List<String> texts = new ArrayList<>();
        for (Object one : value instanceof List<?> list ? list : value == null ? List.of() : List.of(value)) {
            if (!(one instanceof String text)) {
                throw new UnsendableMail(name + " is one text, or a list of texts");
            }
            texts.add(text);
        }
        return List.copyOf(texts);
    }

    private static Optional<String> text(Map<?, ?> fields, String name) throws UnsendableMail {
        Object value = fields.get(name);
        if (value != null && !(value instanceof String)) {
            throw new UnsendableMail(name + " is no text");
        }
        return Optional.ofNullable((String) value);
    }

    private static Map<?, ?> data(Map<?, ?> fields) throws UnsendableMail {
        Object value = fields.get("data");
        if (value != null && !(value instanceof Map)) {
            throw new UnsendableMail("data is no object");
        }
        return value == null ? Map.of() : (Map<?, ?>) value;
    }
}
