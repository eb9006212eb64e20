package dev.postrider.mail;

import dev.postrider.startup.StartupException;
import jakarta.mail.MessagingException;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLSocketFactory;
import org.apache.camel.component.mail.DefaultJavaMailSender;
import org.springframework.boot.ssl.NoSuchSslBundleException;
import org.springframework.boot.ssl.SslBundles;

/**
 * The mail server of the settings, as camel-mail calls it; the bean {@code mailServer}. Host and login are here, and not in the uri of
 * the endpoint, because uris are shown to operators and logged.
 */
final class MailServer extends DefaultJavaMailSender {

    /** Milliseconds. */
    private static final int CONNECTION_TIMEOUT = 10_000;

    /** A silent server keeps a place of the handler for so long. */
    private static final Duration LONGEST_TIMEOUT = Duration.ofMinutes(5);

    private static final List<String> SECURITIES = List.of("starttls", "tls", "none");

    private final boolean known;

    /** @throws StartupException if the settings contradict each other, or cannot be read */
    MailServer(MailSettings settings, SslBundles bundles) {
        check(settings);
        known = given(settings.host());
        setProtocol("smtp");
        setHost(settings.host());
        setPort(port(settings));
        Properties properties = getJavaMailProperties();
        if (given(settings.username())) {
            setUsername(settings.username());
            setPassword(settings.password());
            properties.setProperty("mail.smtp.auth", "true");
        }
        switch (settings.security()) {
            case "starttls" -> {
                properties.setProperty("mail.smtp.starttls.enable", "true");
                properties.setProperty("mail.smtp.starttls.required", "true");
            }
            case "tls" -> properties.setProperty("mail.smtp.ssl.enable", "true");
            default -> {}
        }
        properties.setProperty("mail.smtp.ssl.checkserveridentity", "true");
        properties.setProperty("mail.smtp.socketFactory.fallback", "false");
        if (given(settings.sslBundle())) {
            properties.put("mail.smtp.ssl.socketFactory", socketFactory(settings.sslBundle(), bundles));
        }
        if (given(settings.localName())) {
            properties.setProperty("mail.smtp.localhost", settings.localName());
        }
        String timeout = String.valueOf(settings.timeout().toMillis());
        properties.setProperty("mail.smtp.connectiontimeout", String.valueOf(CONNECTION_TIMEOUT));
        properties.setProperty("mail.smtp.timeout", timeout);
        properties.setProperty("mail.smtp.writetimeout", timeout);
        // Or a repetition for those who were refused would reach the others again.
        properties.setProperty("mail.smtp.sendpartial", "false");
        // The server has the mail by then, and a goodbye that does not come must not make a failure of that.
        properties.setProperty("mail.smtp.quitwait", "false");
    }

    /** Sends to all recipients or to none. */
    @Override
    public void send(MimeMessage message) throws MessagingException {
        if (!known) {
            throw new MailException("no mail server is set: give the setting postrider.mail.host");
        }
        try {
            super.send(message);
        } catch (MessagingException e) {
            throw SmtpFailure.of(e);
        }
    }

    /** Of mails that name none. */
    static Optional<InternetAddress> sender(MailSettings settings) {
        if (!given(settings.from())) {
            return Optional.empty();
        }
        try {
            return Optional.of(Addresses.parse(settings.from()));
        } catch (IllegalArgumentException e) {
            throw new StartupException(
                    "The setting postrider.mail.from %s".formatted(e.getMessage()),
                    "Give one address, such as Example <no-reply@example.com>.",
                    e);
        }
    }

    /** The domains that a payload's own sender may have, in lower case. */
    static Set<String> senderDomains(MailSettings settings) {
        return Stream.concat(settings.senderDomains().stream(), sender(settings).map(Addresses::domain).stream())
                .map(domain -> domain.toLowerCase(Locale.ROOT))
                .collect(Collectors.toSet());
    }

    private static void check(MailSettings settings) {
        require(
                !given(settings.host())
                        || settings.host().matches("[^\\s/@]+")
                                && !settings.host().matches("[^:]*:\\d*"),
                "The setting postrider.mail.host is no host: " + settings.host(),
                "Give the name alone, such as smtp.example.com, and the port in postrider.mail.port.");
        require(
                settings.port() == null || settings.port() > 0 && settings.port() < 65_536,
                "The setting postrider.mail.port is no port: " + settings.port(),
                "Give 1 to 65535, or remove it: the port follows from postrider.mail.security.");
        require(
                SECURITIES.contains(settings.security()),
                "The setting postrider.mail.security is unknown: " + settings.security(),
                "Give starttls, tls or none.");
        require(
                given(settings.username()) == given(settings.password()),
                "Of the settings postrider.mail.username and postrider.mail.password only one is given.",
                "Give both, or none for a server that wants no login.");
        boolean open = settings.security().equals("none");
        require(
                !open || !given(settings.username()) || isHere(settings.host()),
                "The settings postrider.mail.security and postrider.mail.username would send the password in the clear.",
                "Give starttls or tls, or remove the login; without TLS it is for a server on this host only.");
        require(
                !open || !given(settings.sslBundle()),
                "The setting postrider.mail.ssl-bundle is given, and postrider.mail.security is none.",
                "Give starttls or tls, or remove the bundle.");
        require(
                settings.timeout().toMillis() > 0 && settings.timeout().compareTo(LONGEST_TIMEOUT) <= 0,
                "The setting postrider.mail.timeout is out of range: " + settings.timeout(),
                "Give more than 0, and at most 5m.");
        require(
                settings.attachments().toBytes() >= 0,
                "The setting postrider.mail.attachments is negative: " + settings.attachments(),
                "Give a size, such as 10MB; 0 allows no attachments.");
    }

    private static void require(boolean good, String description, String action) {
        if (!good) {
            throw new StartupException(description, action);
        }
    }

    private static boolean given(String setting) {
        return setting != null && !setting.isBlank();
    }

    private static boolean isHere(String host) {
        return host == null || host.matches("(?i)localhost|127(\\.\\d{1,3}){3}|::1|0:0:0:0:0:0:0:1");
    }

    private static int port(MailSettings settings) {
        if (settings.port() != null) {
            return settings.port();
        }
        return switch (settings.security()) {
            case "starttls" -> 587;
            case "tls" -> 465;
            default -> 25;
        };
    }

    private static SSLSocketFactory socketFactory(String bundle, SslBundles bundles) {
        try {
            return bundles.getBundle(bundle).createSslContext().getSocketFactory();
        } catch (NoSuchSslBundleException e) {
            throw new StartupException(
                    "The setting postrider.mail.ssl-bundle names a bundle that is not there: " + bundle,
                    "Correct it, or give the bundle, such as spring.ssl.bundle.pem.%s.truststore.certificate=file:ca.pem."
                            .formatted(bundle),
                    e);
        } catch (RuntimeException e) {
            throw new StartupException(
                    "The bundle %s of the setting postrider.mail.ssl-bundle cannot be used: %s"
                            .formatted(bundle, e.getMessage()),
                    "Correct the settings spring.ssl.bundle.*, or the files that they name.",
                    e);
        }
    }
}
