package dev.postrider.mail;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.activation.DataHandler;
import jakarta.mail.MessagingException;
import jakarta.mail.Part;
import jakarta.mail.Session;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeBodyPart;
import jakarta.mail.internet.MimeMessage;
import jakarta.mail.internet.MimeMessage.RecipientType;
import jakarta.mail.internet.MimeMultipart;
import jakarta.mail.internet.MimePart;
import jakarta.mail.util.ByteArrayDataSource;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;
import org.springframework.util.unit.DataSize;

/**
 * Makes the mail that a task asks for; the bean {@code mailMessages}. The route calls {@link #read}, gets what that wants from the
 * workspace's assets, and calls {@link #write}.
 */
public final class MailMessages {

    private static final String REQUEST = "mailRequest";
    private static final String UTF_8 = StandardCharsets.UTF_8.name();

    private final Session session;
    private final Optional<InternetAddress> sender;
    private final Set<String> senderDomains;
    private final DataSize most;
    private final MailTemplates templates;
    private final ObjectMapper json;

    /**
     * @param sender of mails that name none
     * @param senderDomains in lower case, of senders that mails may name
     * @param most how large the attachments of a mail may be together
     */
    MailMessages(
            Session session,
            Optional<InternetAddress> sender,
            Set<String> senderDomains,
            DataSize most,
            MailTemplates templates,
            ObjectMapper json) {
        this.session = session;
        this.sender = sender;
        this.senderDomains = senderDomains;
        this.most = most;
        this.templates = templates;
        this.json = json;
    }

    /**
     * Checks the payload, which is the body, and says in the property {@code mailWanted} which assets the mail needs, as JSON.
     *
     * @throws UnsendableMail if it cannot become a mail
     * @throws MailException if the settings name no sender
     */
    public void read(Exchange exchange) throws MailException, JsonProcessingException {
        MailRequest request = MailRequest.of(exchange.getMessage().getBody());
        List<String> files = request.template().stream()
                .flatMap(template -> MailTemplates.PARTS.stream().map(part -> MailTemplates.file(template, part)))
                .toList();
        checkSender(request);
        exchange.setProperty(REQUEST, request);
        exchange.setProperty(
                "mailWanted",
                json.writeValueAsString(Map.of(
                        "attachments", request.attachments(), "templates", files, "attachmentBytes", most.toBytes())));
    }

    /**
     * Turns the assets, which are the body, into the mail, which is the body then; no header is left.
     *
     * @throws UnsendableMail if an asset or a value is missing, or the attachments are too large
     * @throws MailException if the settings name no sender, nor does the payload
     */
    public void write(Exchange exchange) throws MessagingException {
        List<MailAsset> assets = MailAsset.all(exchange.getMessage().getBody(List.class));
        MailRequest request = exchange.getProperty(REQUEST, MailRequest.class);
        exchange.removeProperty(REQUEST);
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(message(request, assets, exchange.getProperty("idempotencyKey", String.class)));
    }

    /** Who may enqueue a task is not by that somebody who may write in any name. */
    private void checkSender(MailRequest request) throws MailException {
        if (senderDomains.isEmpty()) {
            throw new MailException("nobody is named as the sender: give the setting postrider.mail.from");
        }
        if (request.from().isPresent()) {
            String domain = Addresses.domain(request.from().get()).toLowerCase(Locale.ROOT);
            if (!senderDomains.contains(domain)) {
                throw new UnsendableMail(
                        "from: the domain %s is not that of the setting postrider.mail.from, nor one of postrider.mail.sender-domains"
                                .formatted(domain));
            }
        }
    }

    private MimeMessage message(MailRequest request, List<MailAsset> assets, String key) throws MessagingException {
        InternetAddress from = request.from()
                .or(() -> sender)
                .orElseThrow(() -> new MailException(
                        "nobody is named as the sender: give from in the payload, or the setting postrider.mail.from"));
        MailContent content = content(request, assets);
        List<MailAsset> attachments = attachments(assets);

        MimeMessage message = new MimeMessage(session);
        message.setFrom(from);
        message.setRecipients(RecipientType.TO, addresses(request.to()));
        message.setRecipients(RecipientType.CC, addresses(request.cc()));
        message.setRecipients(RecipientType.BCC, addresses(request.bcc()));
        if (!request.replyTo().isEmpty()) {
            message.setReplyTo(addresses(request.replyTo()));
        }
        message.setSubject(content.subject(), UTF_8);
        // Both are the same in each attempt: whoever gets the mail twice can tell, as many servers do by the first.
        message.setHeader("Message-ID", "<%s@%s>".formatted(key, Addresses.domain(from)));
        message.setHeader("Idempotency-Key", key);
        message.setHeader("Auto-Submitted", "auto-generated"); // or out-of-office replies would come
        if (attachments.isEmpty()) {
            write(content, message);
            return message;
        }
        MimeMultipart mixed = new MimeMultipart("mixed");
        MimeBodyPart words = new MimeBodyPart();
        write(content, words);
        mixed.addBodyPart(words);
        for (MailAsset attachment : attachments) {
            mixed.addBodyPart(part(attachment));
        }
        message.setContent(mixed);
        return message;
    }

    private static InternetAddress[] addresses(List<InternetAddress> addresses) {
        return addresses.toArray(InternetAddress[]::new);
    }

    private static void write(MailContent content, MimePart part) throws MessagingException {
        if (content.html().isEmpty()) {
            part.setText(content.text().orElse(""), UTF_8);
        } else if (content.text().isEmpty()) {
            part.setText(content.html().get(), UTF_8, "html");
        } else {
            MimeMultipart alternatives = new MimeMultipart("alternative"); // the best one last
            MimeBodyPart text = new MimeBodyPart();
            text.setText(content.text().get(), UTF_8);
            alternatives.addBodyPart(text);
            MimeBodyPart html = new MimeBodyPart();
            html.setText(content.html().get(), UTF_8, "html");
            alternatives.addBodyPart(html);
            part.setContent(alternatives);
        }
    }

    private static MimeBodyPart part(MailAsset asset) throws MessagingException {
        MimeBodyPart part = new MimeBodyPart();
        part.setDataHandler(new DataHandler(new ByteArrayDataSource(asset.content(), asset.contentType())));
        part.setDisposition(Part.ATTACHMENT);
        part.setFileName(asset.fileName());
        part.setHeader("Content-Transfer-Encoding", "base64"); // byte by byte, text too
        return part;
    }

    private List<MailAsset> attachments(List<MailAsset> assets) throws UnsendableMail {
        List<MailAsset> attachments =
                assets.stream().filter(asset -> asset.isOf("attachment")).toList();
        for (MailAsset attachment : attachments) {
            if (!attachment.isThere()) {
                throw new UnsendableMail("attachments: the workspace has no asset " + attachment.wanted());
            }
        }
        for (MailAsset attachment : attachments) {
            if (attachment.content() == null) {
                throw new UnsendableMail(
                        "attachments: together they have %d bytes, more than the %d that the setting postrider.mail.attachments allows"
                                .formatted(attachment.together(), most.toBytes()));
            }
        }
        return attachments;
    }

    private MailContent content(MailRequest request, List<MailAsset> assets) throws UnsendableMail {
        if (request.template().isEmpty()) {
            return new MailContent(request.subject().orElse(""), request.text(), request.html());
        }
        String template = request.template().get();
        Optional<String> text = rendered(request, "text", assets);
        Optional<String> html = rendered(request, "html", assets);
        if (text.isEmpty() && html.isEmpty()) {
            throw new UnsendableMail(
                    "template: there is none of the name %s: neither an asset %s or …html.mustache, nor such a file"
                            .formatted(template, MailTemplates.file(template, "text")));
        }
        Optional<String> subject = request.subject();
        if (subject.isEmpty()) {
            subject = rendered(request, "subject", assets).map(String::stripTrailing);
            MailRequest.checkSubject(
                    subject.orElseThrow(() -> new UnsendableMail(
                            "subject is missing: the template %s has none either".formatted(template))),
                    "data: the subject");
        }
        return new MailContent(subject.get(), text, html);
    }

    private Optional<String> rendered(MailRequest request, String part, List<MailAsset> assets) throws UnsendableMail {
        String file = MailTemplates.file(request.template().orElseThrow(), part);
        Optional<MailAsset> own = assets.stream()
                .filter(asset -> asset.isOf("template") && asset.wanted().equals(file) && asset.isThere())
                .findFirst();
        if (own.isPresent() && own.get().content() == null) {
            throw new UnsendableMail("template: the asset %s is larger than 1 MiB".formatted(file));
        }
        Optional<String> text = own.map(asset -> new String(asset.content(), StandardCharsets.UTF_8))
                .or(() -> templates.read(file));
        if (text.isEmpty()) {
            return text;
        }
        String words = new Rendering(file).of(text.get(), request.data(), part.equals("html"));
        if (words.isBlank()) {
            throw new UnsendableMail("template: %s makes an empty text".formatted(file));
        }
        return Optional.of(words);
    }

    /** @param subject of one line */
    private record MailContent(String subject, Optional<String> text, Optional<String> html) {}
}
