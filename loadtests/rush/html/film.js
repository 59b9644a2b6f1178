// Plays how the hall filled up. The page works without it: it then shows the hall as it was at the end.

const PLAYS_MS = 15_000;

for (const film of document.querySelectorAll(".film")) {
  const { seconds, states, frames } = JSON.parse(film.querySelector("script").textContent);
  const seats = [...film.querySelectorAll(".seat")];
  const button = film.querySelector("button");
  const slider = film.querySelector("input");
  const moment = film.querySelector(".moment");
  const shown = new Uint8Array(seats.length);
  let next = 0;
  let playing = 0;
  let before = 0;

  const paint = (seat, state) => {
    shown[seat] = state;
    seats[seat].setAttribute("class", `seat ${states[state]}`);
  };

  const show = (at) => {
    if (next > 0 && frames[next - 1][0] > at) {
      next = 0; // backwards: from the beginning, because frames only have what changed
      shown.forEach((_, seat) => {
        paint(seat, 0);
      });
    }
    for (; next < frames.length && frames[next][0] <= at; next++) {
      for (const [seat, state] of frames[next][1]) paint(seat, state);
    }
    moment.textContent = `${at.toFixed(1)} s`;
    states.forEach((state, number) => {
      film.querySelector(`[data-count=${state}]`).textContent = shown.filter((one) => one === number).length;
    });
  };

  const stop = () => {
    cancelAnimationFrame(playing);
    playing = 0;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
  };

  const step = (now) => {
    slider.value = Number(slider.value) + ((now - before) / PLAYS_MS) * 1000;
    before = now;
    show((slider.value / 1000) * seconds);
    if (Number(slider.value) >= 1000) stop();
    else playing = requestAnimationFrame(step);
  };

  button.addEventListener("click", () => {
    if (playing) {
      stop();
      return;
    }
    if (Number(slider.value) >= 1000) slider.value = 0;
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    before = performance.now();
    playing = requestAnimationFrame(step);
  });
  slider.step = "any";
  slider.addEventListener("input", () => {
    stop();
    show((slider.value / 1000) * seconds);
  });
  show(seconds);
}
