package dev.postrider.api;

import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.boot.web.servlet.error.ErrorController;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Answers with a problem document where no route answers: an unknown path, or a method that a path does not know. */
@RestController
class UnmappedRequests implements ErrorController {

    private final ProblemWriter problems;

    UnmappedRequests(ProblemWriter problems) {
        this.problems = problems;
    }

    @RequestMapping("/error")
    void answer(HttpServletRequest request, HttpServletResponse response) throws IOException {
        int status = request.getAttribute(RequestDispatcher.ERROR_STATUS_CODE) instanceof Integer code ? code : 404;
        String detail = switch (status) {
            case 404 -> "There is nothing at this path.";
            case 405 -> "This path does not take the method.";
            default -> "The request was not understood.";
        };
        problems.write(Problem.of(status, detail), response);
    }
}
