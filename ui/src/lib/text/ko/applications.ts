/** Applications: Compose projects and Kubernetes YAML. */
export const applications: Readonly<Record<string, string>> = {
  "A Compose project that is brought up appears here as a whole.": "Compose 프로젝트를 올리면 여기에 하나로 나타납니다.",
  "Also its volumes, with their data": "볼륨과 그 데이터도 함께",
  Describes: "설명하는 것:",
  "In place of pods of the same names": "같은 이름의 파드를 대신함",
  "Its containers are stopped and removed with what was written inside of them, then its networks. Its files on this computer stay.":
    "컨테이너를 멈추고 안에 쓴 내용과 함께 지운 뒤 네트워크를 지웁니다. 이 컴퓨터의 파일은 남습니다.",
  "Its containers do not tell which files they were made from.": "어떤 파일로 만들었는지 컨테이너에 남아 있지 않습니다.",
  "Kubernetes YAML": "Kubernetes YAML",
  "Open a file": "파일 열기",
  Play: "실행하기 (play)",
  Services: "서비스",
  "Tab indents; Esc and then Tab leaves the text.": "Tab은 들여쓰기이며, Esc 다음 Tab으로 편집기에서 빠져나옵니다.",
  "Take down": "내리기",
  "Take it down?": "내릴까요?",
  "The pods and secrets that the text describes are removed, with what was written inside of the containers.":
    "이 글이 설명하는 파드와 시크릿을, 컨테이너 안에 쓴 내용과 함께 지웁니다.",
  "What it describes": "설명하는 것",
  "Without effect here:": "여기서는 효과 없음:",
  "line {line}": "{line}번째 줄",
  "{field} has no effect here": "{field}은(는) 여기서 효과가 없습니다",
  "{name} is too long for a description.": "{name}이(가) 너무 깁니다.",
};
