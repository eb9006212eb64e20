package dev.postrider.mail;

import dev.postrider.queue.FailureWords;
import jakarta.mail.AuthenticationFailedException;
import jakarta.mail.MessagingException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.eclipse.angus.mail.smtp.SMTPAddressFailedException;
import org.eclipse.angus.mail.smtp.SMTPSendFailedException;

/** Judges why a mail was not sent: what the server refuses for good is not tried again, all else is. */
final class SmtpFailure {

    /** Of a command at the wrong time or an unknown name, of a server that takes no mail, of the login: not of this mail. */
    private static final Set<Integer> ABOUT_THE_SETTINGS = Set.of(502, 503, 504, 521, 530, 534, 535, 538);

    /** What the library says in place of an answer when the connection has ended. */
    private static final String END = "[EOF]";

    private static final int MOST_CAUSES = 1_000;
    private static final int LONGEST = 500;

    private SmtpFailure() {}

    /** An answer of the server, and what it was about. */
    private record Answer(String about, int code, String text) {

        boolean refuses() {
            return code >= 500 && code < 600 && !ABOUT_THE_SETTINGS.contains(code);
        }

        boolean isOne() {
            return code >= 400 && code < 600;
        }
    }

    static MailException of(MessagingException failure) {
        List<Answer> answers = answers(failure);
        Optional<Answer> refusal = answers.stream().filter(Answer::refuses).findFirst();
        if (refusal.isPresent()) {
            return new UnsendableMail("the mail server refused the %s: %s"
                    .formatted(refusal.get().about(), refusal.get().text()));
        }
        Optional<Answer> other = answers.stream().filter(Answer::isOne).findFirst();
        if (other.isPresent()) {
            return new MailException("the mail server did not take the %s for now: %s"
                    .formatted(other.get().about(), other.get().text()));
        }
        return new MailException("the mail server did not take the mail: " + reason(failure), failure);
    }

    private static String reason(MessagingException failure) {
        String message = line(failure.getMessage());
        Optional<String> network = FailureWords.network(failure);
        if (network.isPresent()) {
            return network.get();
        }
        if (message.contains("STARTTLS is required")) {
            return "no secure connection: it does not offer STARTTLS";
        }
        if (message.contains(END) || !answers(failure).isEmpty()) {
            return "the connection broke before the answer was complete";
        }
        if (failure instanceof AuthenticationFailedException) {
            return "it does not accept the login of the settings postrider.mail.username and .password: " + message;
        }
        // Of a greeting only what the server said, without its address.
        return message.replaceFirst(".*, response: ", "");
    }

    private static List<Answer> answers(MessagingException failure) {
        List<Answer> answers = new ArrayList<>();
        Exception next = failure;
        for (int i = 0; next instanceof MessagingException one && i < MOST_CAUSES; i++) {
            if (one instanceof SMTPAddressFailedException address) {
                answers.add(new Answer(
                        "recipient " + address.getAddress().getAddress(),
                        address.getReturnCode(),
                        line(address.getMessage())));
            } else if (one instanceof SMTPSendFailedException send) {
                String about = send.getCommand().startsWith("MAIL") ? "sender" : "mail";
                answers.add(new Answer(about, send.getReturnCode(), line(send.getMessage())));
            }
            next = one.getNextException();
        }
        return answers;
    }

    private static String line(String text) {
        String line =
                text == null ? "" : text.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        return line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "…";
    }
}
